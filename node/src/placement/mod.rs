//! Makes this node's open groups what the catalog says: opens the replicas placed here, closes and
//! forgets those that are deleted or have moved away, and keeps the addresses of the other nodes.
//!
//! Beside it, [`moves`] changes the members of the groups that this node leads to those that the
//! catalog wants, and [`planner`], on the node that leads the catalog, decides where groups are to
//! live.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::GroupRecord;
use raft::group::OpenError;
use raft::groups::Groups;
use raft::peers::Peers;
use raft::quarantine::Cause;
use raft::types::{GroupId, NodeId};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::errands::Errands;
use crate::polls::Polls;

pub mod candidates;
mod closing;
mod epochs;
pub mod heard;
pub mod moves;
mod opening;
pub mod plan;
pub mod planner;
pub mod sizes;
pub mod stalls;
pub mod survey;

use closing::Reports;
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
    /// Since a queue was deleted, or a group moved, an earlier run may have forgotten its replica,
    /// and this replica of the catalog the reason: until it is up to date, nothing is opened that
    /// is not on disk, and nothing but what was deleted is closed.
    is_current: bool,
    /// What is to be opened, as of the last look at all groups.
    placed: BTreeMap<Lane, VecDeque<GroupId>>,
    opening: JoinSet<(GroupId, Result<(), OpenError>)>,
    under_way: BTreeSet<(Lane, GroupId)>,
    /// Groups that found nobody yet who could give their state.
    waiting: BTreeSet<GroupId>,
    /// What the catalog has yet to be told of.
    reports: Reports,
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
    errands: Errands,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut placement = Placement {
        left: groups.on_disk().await?,
        catalog: catalog.clone(),
        groups: groups.clone(),
        polls,
        is_current: false,
        placed: BTreeMap::new(),
        opening: JoinSet::new(),
        under_way: BTreeSet::new(),
        waiting: BTreeSet::new(),
        reports: Reports::new(errands),
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
            placement.close_superseded().await;
            placement.look_for_placed();
            placement.open_some();
            placement.report_closed();
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
                placement.opened(opened?).await?;
                placement.open_some();
            }
            changed = retries.changed() => {
                changed?;
                seen = None;
            }
            _ = retry.tick(), if !placement.waiting.is_empty() || placement.reports.is_late() => {
                if placement.waiting.is_empty() {
                    placement.report_closed();
                } else {
                    placement.waiting.clear();
                    seen = None;
                }
            }
            changed = applied.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

impl Placement {
    /// Looks for what is placed here and not open. Reads all groups, so it is done once for each
    /// version of the catalog, not for each replica that was opened.
    fn look_for_placed(&mut self) {
        let me = self.groups.me();
        let open: BTreeSet<GroupId> = self.groups.list().iter().map(|group| group.id()).collect();
        let placed: Vec<(Lane, GroupId)> = self.catalog.read(|c| {
            let here = c.groups().filter(|record| {
                let is_kept = self.left.contains(&GroupId(record.group_id));
                record.replicas.contains(&me.0) || epochs::still_takes_part(record, me, is_kept)
            });
            let closed = here.filter(|record| !open.contains(&GroupId(record.group_id)));
            let lane = |record: &GroupRecord| {
                let id = GroupId(record.group_id);
                (Lane::of(record, me, self.left.contains(&id)), id)
            };
            closed.map(lane).collect()
        });
        self.placed.clear();
        for (lane, id) in placed {
            if self.may_open(id) {
                self.placed.entry(lane).or_default().push_back(id);
            }
        }
    }

    fn may_open(&self, id: GroupId) -> bool {
        let is_known = self.is_current || self.left.contains(&id);
        let is_broken = || {
            let quarantine = self.groups.quarantine_of(id);
            quarantine.is_some_and(|quarantine| quarantine.broken.cause != Cause::Files)
        };
        is_known && !self.waiting.contains(&id) && !self.is_under_way(id) && !is_broken()
    }

    /// Begins to open some of what was found, several at a time: one that has to ask its peers for
    /// its state must not keep the others waiting.
    fn open_some(&mut self) {
        for lane in [Lane::Here, Lane::Joins] {
            while self.has_room(lane)
                && let Some(id) = self.placed.get_mut(&lane).and_then(VecDeque::pop_front)
            {
                let Some(record) = self.catalog.read(|c| c.group(id).cloned()) else {
                    continue;
                };
                self.under_way.insert((lane, id));
                let (catalog, groups) = (self.catalog.clone(), self.groups.clone());
                self.opening
                    .spawn(async move { (id, open_one(&catalog, &groups, record).await) });
            }
        }
    }

    fn is_under_way(&self, id: GroupId) -> bool {
        self.under_way.iter().any(|(_, under_way)| *under_way == id)
    }

    fn has_room(&self, lane: Lane) -> bool {
        let under_way = self.under_way.iter().filter(|(other, _)| *other == lane).count();
        under_way < lane.width()
    }

    async fn opened(&mut self, (id, opened): (GroupId, Result<(), OpenError>)) -> anyhow::Result<()> {
        self.under_way.retain(|(_, under_way)| *under_way != id);
        match opened {
            // It may have been deleted, or have moved away, while it was being opened.
            Ok(()) => {
                self.close_superseded().await;
                self.close_if_gone(&BTreeSet::from([id])).await
            }
            Err(error @ OpenError::NoState(_)) => {
                self.waiting.insert(id);
                tracing::debug!(%error, "a replica stays closed for now");
                Ok(())
            }
            Err(OpenError::Quarantined(quarantine)) => {
                tracing::debug!(%quarantine, "a replica stays closed");
                if quarantine.broken.cause == Cause::Files {
                    // The next attempt asks the other replicas for their state.
                    self.waiting.insert(id);
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Closes what the catalog once had and has no more, and what has no member here any more.
    /// Group numbers are never reused, so that even a catalog replica that lags behind cannot
    /// mistake a new group for a deleted one.
    async fn close_gone(&mut self) -> anyhow::Result<()> {
        let open = self.groups.list().into_iter().map(|g| g.id());
        let quarantined = self.groups.quarantined().into_iter().map(|q| q.group);
        let all: BTreeSet<GroupId> = open.chain(quarantined).chain(self.left.iter().copied()).collect();
        self.close_if_gone(&all).await
    }

    async fn close_if_gone(&mut self, groups: &BTreeSet<GroupId>) -> anyhow::Result<()> {
        let me = self.groups.me().0;
        let gone: Vec<(GroupId, bool)> = self.catalog.read(|c| {
            let others = groups.iter().copied().filter(|id| *id != GroupId::CATALOG);
            let look = others.map(|id| {
                let is_member = c.group(id).is_none_or(|group| group.members.contains(&me));
                (id, c.was_deleted(id), is_member)
            });
            let gone = look.filter(|(_, deleted, is_member)| *deleted || !is_member && self.is_current);
            gone.map(|(id, deleted, _)| (id, deleted)).collect()
        });
        for (id, deleted) in gone {
            if self.is_under_way(id) {
                continue;
            }
            if deleted {
                self.groups.remove(id).await?;
                tracing::debug!(group = %id, "closed the replica of a deleted queue");
            } else {
                self.groups.leave(id).await?;
                tracing::info!(group = %id, "a group has moved away");
            }
            self.left.remove(&id);
            self.polls.forget(id);
        }
        Ok(())
    }
}
