//! Makes this node's open groups what the catalog says: opens the replicas placed here, closes and
//! forgets those of deleted queues, and keeps the addresses of the other nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use prost::Message;
use raft::command::catalog::{GroupRecord, ResourceKey};
use raft::command::queue::{QueueCommand, QueueOp};
use raft::group::{Group, OpenError, Prelude};
use raft::groups::{Birth, Groups};
use raft::machine::{Machine, MachineKind};
use raft::peers::Peers;
use raft::types::{GroupId, NodeId};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::polls::Polls;

/// Groups that are opened at a time.
const OPENING_MAX: usize = 16;
/// Pause before the other replicas are asked again for a state that is lost here.
const STATE_PAUSE: Duration = Duration::from_millis(500);

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
    let mut applied = catalog.group().replica().applied();
    let mut seen = None;
    // What an earlier run left. Of what this one opens, the list of open groups tells.
    let mut left = groups.on_disk().await?;
    let mut waiting = 0;
    // Since the deletion of a queue an earlier run may have forgotten its group, and this replica of the
    // catalog the deletion: until it is up to date, nothing is born that is not on disk.
    let mut is_current = false;
    let mut current = std::pin::pin!(catalog.catch_up(Duration::MAX));
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
            close_deleted(&catalog, &groups, &polls, &mut left).await?;
            waiting = open_placed(&catalog, &groups, |id| is_current || left.contains(&id)).await?;
        }
        tokio::select! {
            // The end comes first; a busy catalog must not keep waiting groups closed.
            biased;
            () = stop.cancelled() => return Ok(()),
            caught_up = &mut current, if !is_current => {
                if caught_up.is_err() {
                    return Ok(());
                }
                is_current = true;
                seen = None;
            }
            _ = retry.tick(), if waiting > 0 => seen = None,
            changed = applied.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Opens what is placed here and not open, several at a time: one that has to ask its peers for its
/// state must not keep the others waiting. Says how many found no such peer yet.
async fn open_placed(
    catalog: &Arc<CatalogView>,
    groups: &Arc<Groups>,
    may_open: impl Fn(GroupId) -> bool,
) -> anyhow::Result<usize> {
    let missing = catalog.groups_on(groups.me()).into_iter();
    let missing = missing.filter(|record| {
        let id = GroupId(record.group_id);
        groups.get(id).is_none() && may_open(id)
    });
    let mut opening = futures::stream::iter(missing)
        .map(|record| open_one(catalog, groups, record))
        .buffer_unordered(OPENING_MAX);
    let mut waiting = 0;
    while let Some(opened) = opening.next().await {
        match opened {
            Ok(_) => {}
            Err(error @ OpenError::NoState(_)) => {
                waiting += 1;
                tracing::debug!(%error, "a replica stays closed for now");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(waiting)
}

async fn open_one(
    catalog: &Arc<CatalogView>,
    groups: &Arc<Groups>,
    record: GroupRecord,
) -> Result<Arc<Group>, OpenError> {
    let replicas: Vec<NodeId> = record.replicas.iter().map(|n| NodeId(*n)).collect();
    let birth = Birth {
        members: replicas.iter().copied().collect(),
        first: replicas.first() == Some(&groups.me()),
    };
    let (id, prelude) = (GroupId(record.group_id), prelude(catalog, &record));
    groups
        .open(id, MachineKind::Queue, &replicas, prelude, Some(birth))
        .await
}

/// Closes what the catalog once had and has no more. Group numbers are never reused, so that even a
/// catalog replica that lags behind cannot mistake a new group for a deleted one.
async fn close_deleted(
    catalog: &CatalogView,
    groups: &Arc<Groups>,
    polls: &Polls,
    left: &mut BTreeSet<GroupId>,
) -> anyhow::Result<()> {
    let open = groups.list().into_iter().map(|g| g.id());
    for id in open.chain(left.clone()).collect::<BTreeSet<_>>() {
        let deleted = id != GroupId::CATALOG && catalog.read(|c| c.was_deleted(id));
        if deleted {
            groups.remove(id).await?;
            left.remove(&id);
            polls.forget(id);
            tracing::debug!(group = %id, "closed the replica of a deleted queue");
        }
    }
    Ok(())
}

/// Puts the queue's settings into its group's log whenever the catalog's are newer.
fn prelude(catalog: &Arc<CatalogView>, record: &GroupRecord) -> Option<Arc<Prelude>> {
    let key = record.queue.clone()?;
    let catalog = catalog.clone();
    Some(Arc::new(move |machine: &Machine| {
        let Machine::Queue(queue) = machine else {
            return None;
        };
        newer_settings(&catalog, &key, queue.config_version())
    }))
}

fn newer_settings(catalog: &CatalogView, key: &ResourceKey, known: u64) -> Option<Bytes> {
    let view = catalog.queue_here(key)?;
    if view.record.version <= known {
        return None;
    }
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(QueueOp::Configure(view.configure())),
    };
    Some(command.encode_to_vec().into())
}
