//! Takes in another replica's state, chunk by chunk, and puts it together in the store.
//!
//! What was taken in is kept for a while when the other node falls silent, or whoever asked for it goes away: the next one goes on there, if it asks the same
//! node and that one still knows.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::open::Parts;
use super::pulls::Hold;
use crate::machine::{Delta, Row};
use crate::peers::pb;
use crate::peers::snapshot::Connection;
use crate::types::{GroupId, NodeId};

/// A node that cannot be reached, or does not answer, is tried again for so long: once, at least, if it lets the time for an answer pass.
const PATIENCE: Duration = Duration::from_secs(20);
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How far one has got.
pub(super) struct Pull {
    pub(super) from: Option<NodeId>,
    /// What the other node calls the transfer; 0 before it has.
    transfer: u64,
    /// The number of the next chunk.
    next: u64,
    /// What the store was not given yet, or was perhaps not: the latest word on each key.
    waiting: BTreeMap<Bytes, Option<Bytes>>,
    waiting_bytes: usize,
    /// Whether the store was given anything.
    is_begun: bool,
    used: Instant,
}

/// A state that was put together. As long as this lives, nobody puts another one in its place.
pub(super) struct Pulled {
    /// As in a checkpoint.
    pub(super) header: Bytes,
    pub(super) hold: Hold,
}

/// Which state will do.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// One that has applied the entry of this index.
    Covering(u64),
    /// One that has everything which was committed when it was asked for, as the group's leader has confirmed.
    Latest,
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
    // What another node gave stays until this one has answered.
    let mut other = (pull.from != Some(from)).then(|| Pull::begin(Some(from)));
    let mut connection = None;
    let mut moved = Instant::now();
    loop {
        let request = other.as_ref().unwrap_or(&pull).request(parts, group, wanted);
        let is_first = request.transfer == 0;
        let chunk = match read(parts, &mut connection, from, request).await {
            Ok(chunk) => chunk,
            Err(status) if status.code() == Code::NotFound && !is_first => {
                tracing::info!(%group, %from, %status, "a state has to be taken in from its beginning");
                *pull = Pull::begin(Some(from));
                continue;
            }
            Err(status) => {
                if is_first || !is_passing(&status) || moved.elapsed() > PATIENCE {
                    return Err(status);
                }
                connection = None;
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            }
        };
        moved = Instant::now();
        if let Some(other) = other.take() {
            *pull = other;
        }
        let header = pull.take(chunk)?;
        if header.is_some() || pull.waiting_bytes >= parts.snapshots.part_bytes {
            pull.give(parts, group).await?;
        }
        if let Some(header) = header {
            // It is in the store, and has to be let go of if nobody takes it.
            *pull = Pull {
                is_begun: true,
                ..Pull::begin(None)
            };
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
    /// Nothing yet, to be asked of a node.
    pub(super) fn begin(from: Option<NodeId>) -> Pull {
        Pull {
            from,
            transfer: 0,
            next: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            is_begun: false,
            used: Instant::now(),
        }
    }

    /// Whether there is something that nobody went on with for so long.
    pub(super) fn is_left(&self, span: Duration) -> bool {
        (self.from.is_some() || self.is_begun) && self.used.elapsed() > span
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
            level: parts.env.level.0,
        }
    }

    /// Returns the header if this was the last chunk.
    fn take(&mut self, chunk: pb::SnapshotChunk) -> Result<Option<Bytes>, Status> {
        let is_first = self.transfer == 0 && chunk.transfer != 0;
        if chunk.number != self.next || !(is_first || chunk.transfer == self.transfer) {
            return Err(Status::internal("another chunk than the one that was asked for"));
        }
        self.used = Instant::now();
        self.transfer = chunk.transfer;
        self.next += 1;
        for row in chunk.rows {
            self.waiting_bytes += row.key.len() + row.value.as_ref().map_or(0, Bytes::len);
            self.waiting.insert(row.key, row.value);
        }
        Ok(chunk.header)
    }

    /// Gives the store what waits. It waits until it is known to be there: whoever goes on gives it once more, which is the same.
    async fn give(&mut self, parts: &Parts, group: GroupId) -> Result<(), Status> {
        let mut part = Delta {
            clear: !self.is_begun,
            ..Delta::default()
        };
        for (key, value) in &self.waiting {
            match value {
                Some(value) => part.puts.push(Row::from((key.clone(), value.clone()))),
                None => part.deletes.push(key.clone()),
            }
        }
        if let Err(error) = parts.checkpointer.stage(group, part).await {
            tracing::warn!(%group, %error, "a state that is taken in cannot be put together");
            *self = Pull::begin(self.from);
            return Err(Status::aborted(error.to_string()));
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.is_begun = true;
        Ok(())
    }
}
