//! Makes this node's open groups what the catalog says: opens the replicas placed here, closes and
//! forgets those that are deleted or have moved away, and keeps the addresses of the other nodes.
//!
//! Beside it, [`moves`] changes the members of the groups that this node leads to those that the catalog
//! wants, and [`planner`], on the node that leads the catalog, decides where groups are to live.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::group::OpenError;
use raft::groups::Groups;
use raft::peers::Peers;
use raft::quarantine::Cause;
use raft::types::{GroupId, NodeId};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::polls::Polls;

pub mod candidates;
pub mod heard;
pub mod moves;
mod opening;
pub mod plan;
pub mod planner;
pub mod sizes;
pub mod stalls;
pub mod survey;

use opening::{Lane, open_one};

/// Groups that are opened at a time.
const OPENING_MAX: usize = 16;
/// Groups that move here at a time. Each brings its whole state. The planner bounds the bytes that
/// are on their way, and `--snapshot-bytes-per-second` what a node sends.
const JOINING_MAX: usize = 16;
/// Pause before the other replicas are asked again for a state that is not here.
const STATE_PAUSE: Duration = Duration::from_millis(500);

/// What follows the catalog.
pub struct Placement {
    catalog: Arc<CatalogView>,
    groups: Arc<Groups>,
    polls: Arc<Polls>,
    /// What an earlier run left. Of what this one opens, the list of open groups tells.
    left: BTreeSet<GroupId>,
    /// Since a queue was deleted, or a group moved, an earlier run may have forgotten its replica, and this replica of the
    /// catalog the reason: until it is up to date, nothing is opened that is not on disk, and nothing but what was deleted is
    /// closed.
    is_current: bool,
    opening: JoinSet<(GroupId, Result<(), OpenError>)>,
    under_way: BTreeSet<(Lane, GroupId)>,
    /// Groups that found nobody yet who could give their state.
    waiting: BTreeSet<GroupId>,
}

/// Follows the catalog until `stop`.
///
/// # Errors
/// If the log or the checkpoints of this node fail.
pub async fn follow(
    catalog: Arc<CatalogView>,
    groups: Arc<Groups>,
    peers: Arc<Peers>,
    polls: Arc<Polls>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut placement = Placement {
        left: groups.on_disk().await?,
        catalog: catalog.clone(),
        groups: groups.clone(),
        polls,
        is_current: false,
        opening: JoinSet::new(),
        under_way: BTreeSet::new(),
        waiting: BTreeSet::new(),
    };
    let mut applied = catalog.group().replica().applied();
    let mut seen = None;
    let mut current = std::pin::pin!(catalog.catch_up(Duration::MAX));
    let mut retries = groups.retries();
    let mut retry = tokio::time::interval(STATE_PAUSE);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        applied.mark_unchanged();
        let version = catalog.read(|c| c.version());
        if seen != Some(version) {
            seen = Some(version);
            for node in catalog.nodes() {
                if node.node_id != groups.me().0 {
                    peers.set_address(NodeId(node.node_id), &node.peer_address);
                }
            }
            placement.close_gone().await?;
            placement.open_placed();
        }
        tokio::select! {
            // The end comes first; a busy catalog must not keep waiting groups closed.
            biased;
            () = stop.cancelled() => return Ok(()),
            caught_up = &mut current, if !placement.is_current => {
                if caught_up.is_err() {
                    return Ok(());
                }
                placement.is_current = true;
                seen = None;
            }
            Some(opened) = placement.opening.join_next() => {
                placement.opened(opened?)?;
                seen = None;
            }
            changed = retries.changed() => {
                changed?;
                seen = None;
            }
            _ = retry.tick(), if !placement.waiting.is_empty() => {
                placement.waiting.clear();
                seen = None;
            }
            changed = applied.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

impl Placement {
    /// Begins to open what is placed here and not open, several at a time: one that has to ask its peers for its state must not
    /// keep the others waiting.
    fn open_placed(&mut self) {
        for record in self.catalog.groups_on(self.groups.me()) {
            let id = GroupId(record.group_id);
            let may_open = self.is_current || self.left.contains(&id);
            if !may_open || self.groups.get(id).is_some() || self.waiting.contains(&id) {
                continue;
            }
            let quarantine = self.groups.quarantine_of(id);
            if quarantine.is_some_and(|quarantine| quarantine.broken.cause != Cause::Files) {
                continue;
            }
            let is_kept = self.left.contains(&id);
            let lane = Lane::of(&record, self.groups.me(), is_kept);
            if self.is_under_way(id) || !self.has_room(lane) {
                continue;
            }
            self.under_way.insert((lane, id));
            let (catalog, groups) = (self.catalog.clone(), self.groups.clone());
            self.opening
                .spawn(async move { (id, open_one(&catalog, &groups, record).await) });
        }
    }

    fn is_under_way(&self, id: GroupId) -> bool {
        self.under_way.iter().any(|(_, under_way)| *under_way == id)
    }

    fn has_room(&self, lane: Lane) -> bool {
        let under_way = self.under_way.iter().filter(|(other, _)| *other == lane).count();
        under_way < lane.width()
    }

    fn opened(&mut self, (id, opened): (GroupId, Result<(), OpenError>)) -> anyhow::Result<()> {
        self.under_way.retain(|(_, under_way)| *under_way != id);
        match opened {
            Ok(()) => Ok(()),
            Err(error @ OpenError::NoState(_)) => {
                self.waiting.insert(id);
                tracing::debug!(%error, "a replica stays closed for now");
                Ok(())
            }
            Err(error @ OpenError::Quarantined(_)) => {
                tracing::debug!(%error, "a replica stays closed");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Closes what the catalog once had and has no more, and what has no member here any more. Group numbers are never reused,
    /// so that even a catalog replica that lags behind cannot mistake a new group for a deleted one.
    async fn close_gone(&mut self) -> anyhow::Result<()> {
        let me = self.groups.me().0;
        let open = self.groups.list().into_iter().map(|g| g.id());
        let quarantined = self.groups.quarantined().into_iter().map(|q| q.group);
        let all = open.chain(quarantined).chain(self.left.clone());
        for id in all.collect::<BTreeSet<_>>() {
            if id == GroupId::CATALOG || self.is_under_way(id) {
                continue;
            }
            let (deleted, is_member) = self.catalog.read(|c| {
                let record = c.group(id);
                (c.was_deleted(id), record.is_none_or(|g| g.members.contains(&me)))
            });
            if deleted {
                self.groups.remove(id).await?;
                tracing::debug!(group = %id, "closed the replica of a deleted queue");
            } else if !is_member && self.is_current {
                self.groups.leave(id).await?;
                tracing::info!(group = %id, "a group has moved away");
            } else {
                continue;
            }
            self.left.remove(&id);
            self.polls.forget(id);
        }
        Ok(())
    }
}
