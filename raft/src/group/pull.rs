//! Takes in another replica's state, chunk by chunk, and puts it together in the store.
//!
//! What was taken in is kept when the other node falls silent: whoever is offered a state by that node again, or asks it again, goes on there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::Snapshot;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::open::Parts;
use super::state_machine::Rows;
use super::{Group, wire};
use crate::machine::{Delta, Row};
use crate::peers::pb;
use crate::peers::snapshot::Connection;
use crate::types::{GroupId, NodeId};

/// A node that cannot be reached, or does not answer, is tried again for so long.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The states that a node is taking in.
#[derive(Clone, Default)]
pub(crate) struct Pulls {
    of: Arc<Mutex<BTreeMap<GroupId, Arc<tokio::sync::Mutex<Pull>>>>>,
}

/// How far one has got.
#[derive(Default)]
pub(super) struct Pull {
    from: Option<NodeId>,
    /// What the other node calls the transfer; 0 before it has.
    transfer: u64,
    /// The number of the next chunk.
    next: u64,
    /// What the store was not given yet: the latest word on each key.
    waiting: BTreeMap<Bytes, Option<Bytes>>,
    waiting_bytes: usize,
    /// Whether the store was given anything.
    is_begun: bool,
    /// The store is being given something, or whoever did that has gone and it is not known what came of it.
    is_giving: bool,
}

/// A state that was put together. As long as this lives, nobody puts another one in its place.
pub(super) struct Pulled {
    /// As in a checkpoint.
    pub(super) header: Bytes,
    pub(super) hold: Hold,
}

/// Keeps others from taking in a state of the same group.
pub(super) type Hold = OwnedMutexGuard<Pull>;

/// Which state will do.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// One that has applied the entry of this index.
    Covering(u64),
    /// One that has everything which was committed when it was asked for, as the group's leader has confirmed.
    Latest,
}

impl Pulls {
    /// Takes the right to take in a state of a group; none if somebody has it.
    pub(super) fn hold(&self, group: GroupId) -> Option<Hold> {
        let pull = self.of.lock().entry(group).or_default().clone();
        pull.try_lock_owned().ok()
    }

    /// Lets go of what was taken in of a group.
    pub(crate) fn forget(&self, group: GroupId) {
        self.of.lock().remove(&group);
    }
}

impl Group {
    /// Takes in the state that a leader offers, in place of this replica's.
    pub(crate) async fn take_offer(&self, vote: Option<pb::Vote>) -> Result<pb::SnapshotTaken, Status> {
        let vote = wire::vote_from(vote).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let mine = self.promised();
        if mine > vote {
            let vote = Some(wire::vote_to(&mine));
            return Ok(pb::SnapshotTaken { vote });
        }
        let from = vote.leader_id.voted_for;
        let Pulled { header, hold } = pull(&self.parts, self.id, from, Wanted::Covering(0)).await?;
        let malformed = |e: std::io::Error| Status::data_loss(e.to_string());
        let meta = wire::header_from(&header).map_err(malformed)?;
        if meta
            .last_log_id
            .as_ref()
            .is_some_and(|last| *last.leader_id > vote.leader_id.term)
        {
            return Err(Status::aborted("there is a newer leader"));
        }
        let snapshot = Snapshot {
            meta,
            snapshot: Rows::Staged(hold),
        };
        let taken = self.raft.install_full_snapshot(vote, snapshot).await;
        let taken = taken.map_err(|e| Status::failed_precondition(e.to_string()))?;
        // If it was not wanted any more, it is still there.
        if let Some(_hold) = self.parts.pulls.hold(self.id) {
            let unstaged = self.parts.checkpointer.unstage(self.id).await;
            unstaged.map_err(|e| Status::internal(e.to_string()))?;
        }
        let vote = Some(wire::vote_to(&taken.vote));
        Ok(pb::SnapshotTaken { vote })
    }
}

/// Takes in a state of `group` from a node.
///
/// # Errors
/// Whatever kept that node from giving all of it, for longer than a moment.
pub(super) async fn pull(
    parts: &Parts,
    group: GroupId,
    from: NodeId,
    wanted: Wanted,
) -> Result<Pulled, Status> {
    let hold = parts.pulls.hold(group);
    let mut pull = hold.ok_or_else(|| Status::aborted("another state is being taken in"))?;
    if pull.from != Some(from) || pull.is_giving {
        *pull = Pull::begin(from);
    }
    let mut connection = None;
    let mut moved = Instant::now();
    loop {
        let chunk = match read(parts, &mut connection, from, pull.request(parts, group, wanted)).await {
            Ok(chunk) => chunk,
            Err(status) if status.code() == Code::NotFound && pull.transfer != 0 => {
                tracing::info!(%group, %from, %status, "a state has to be taken in from its beginning");
                *pull = Pull::begin(from);
                continue;
            }
            Err(status) => {
                if pull.transfer == 0 || !is_passing(&status) || moved.elapsed() > PATIENCE {
                    return Err(status);
                }
                connection = None;
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            }
        };
        moved = Instant::now();
        let header = pull.take(chunk)?;
        if header.is_some() || pull.waiting_bytes >= parts.snapshots.part_bytes {
            pull.give(parts, group).await?;
        }
        if let Some(header) = header {
            *pull = Pull::default();
            return Ok(Pulled { header, hold: pull });
        }
    }
}

/// Asks for a chunk, on a new connection if there is none.
async fn read(
    parts: &Parts,
    connection: &mut Option<Connection>,
    from: NodeId,
    request: pb::SnapshotRequest,
) -> Result<pb::SnapshotChunk, Status> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::to(&parts.peers, from).await?),
    };
    connection.read(request).await
}

/// Whether it may be over in a moment.
fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled | Code::Internal
    )
}

impl Pull {
    fn begin(from: NodeId) -> Pull {
        Pull {
            from: Some(from),
            ..Pull::default()
        }
    }

    fn request(&self, parts: &Parts, group: GroupId, wanted: Wanted) -> pb::SnapshotRequest {
        pb::SnapshotRequest {
            group: group.0,
            cluster: parts.peers.cluster(),
            to: self.from.map_or(0, |node| node.0),
            from: parts.peers.me().0,
            transfer: self.transfer,
            number: self.next,
            at_least: match wanted {
                Wanted::Covering(index) => index,
                Wanted::Latest => 0,
            },
            latest: matches!(wanted, Wanted::Latest),
        }
    }

    /// Returns the header if this was the last chunk.
    fn take(&mut self, chunk: pb::SnapshotChunk) -> Result<Option<Bytes>, Status> {
        let is_first = self.transfer == 0 && chunk.transfer != 0;
        if chunk.number != self.next || !(is_first || chunk.transfer == self.transfer) {
            return Err(Status::internal("another chunk than the one that was asked for"));
        }
        self.transfer = chunk.transfer;
        self.next += 1;
        for row in chunk.rows {
            self.waiting_bytes += row.key.len() + row.value.as_ref().map_or(0, Bytes::len);
            self.waiting.insert(row.key, row.value);
        }
        Ok(chunk.header)
    }

    /// Gives the store what waits.
    async fn give(&mut self, parts: &Parts, group: GroupId) -> Result<(), Status> {
        let mut part = Delta {
            clear: !self.is_begun,
            ..Delta::default()
        };
        for (key, value) in std::mem::take(&mut self.waiting) {
            match value {
                Some(value) => part.puts.push(Row::from((key, value))),
                None => part.deletes.push(key),
            }
        }
        self.waiting_bytes = 0;
        self.is_giving = true;
        let staged = parts.checkpointer.stage(group, part).await;
        staged.map_err(|error| Status::internal(error.to_string()))?;
        self.is_giving = false;
        self.is_begun = true;
        Ok(())
    }
}
