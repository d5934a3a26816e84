//! Lets go of a quarantined replica's log when the disk has no room for it.
//!
//! The log of a quarantined replica makes way for the others by moving to a file (`aside.rs`). A
//! disk without space has no room for that file. Then the log would keep its segments, the reserve
//! of the write-ahead log would go, and the whole node would stand still for one replica. So the
//! replica's entries go, if others have them for certain.
//!
//! They do once another replica has applied an entry that this one never had. A majority has made
//! that entry durable without this replica, and everything before it, too. So nothing acknowledged
//! depends on this replica any more. If all replicas are quarantined, or the entry is one that none
//! of them can apply, nobody says so, and everything stays. Nor does a node of an older version.
//!
//! What is left says that the entries up to the last one are purged, and what the replica voted.
//! Its checkpoint is behind that, so that the next attempt to open it is that of a replica whose
//! checkpoint is lost: it takes a state from another replica that covers all it ever acknowledged,
//! before it votes or counts again. That is Raft's InstallSnapshot. The vote is never forgotten, so
//! the replica cannot give a second one in a term.

use std::io;
use std::time::Duration;

use futures::future::join_all;

use super::Groups;
use crate::group::log::LogStore;
use crate::peers::pb::{self, frame::Body};
use crate::types::{GroupId, LogIndex, NodeId};

/// How long a node may take to say how far a group has got.
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// What the quarantine says from then on.
const NOTE: &str = "the disk had no space and others have all of its log: a retry takes their state";

impl Groups {
    /// Lets go of the log of a quarantined replica, unless it is being opened or others may not
    /// have all of it. Says whether it did.
    pub(super) async fn let_go(&self, id: GroupId) -> io::Result<bool> {
        let log = self.parts.wal.group(id);
        let Some(last) = log.last_index() else {
            return Ok(false);
        };
        if !self.went_on_without(id, last).await {
            return Ok(false);
        }
        let mut log = LogStore::new(log, self.parts.env.io.clone());
        let bytes = log.wal().bytes_since_purge();
        let gone = self.aside.unless_opening(id, async || {
            // An operator may have had it begin an epoch meanwhile.
            match log.wal().last_index() == Some(last) {
                true => log.let_go().await.map(|()| true),
                false => Ok(false),
            }
        });
        let is_gone = gone.await?.unwrap_or(false);
        if is_gone {
            tracing::warn!(group = %id, bytes, "the disk has no space: the log of a quarantined replica \
                is let go of, because others have all of it");
            self.quarantined.note(id, NOTE);
        }
        Ok(is_gone)
    }

    /// Whether another replica has applied an entry after `last`, which is the last one that this
    /// node's replica has. What a leader merely has in its log does not count: it may be alone with
    /// it.
    async fn went_on_without(&self, id: GroupId, last: LogIndex) -> bool {
        let nodes = self.parts.peers.known();
        let asked = nodes.into_iter().map(|node| self.ask_applied(id, node));
        let answers = join_all(asked).await;
        // What is applied is all before that index.
        let mut answers = answers.into_iter().flatten();
        answers.any(|applied| applied > last.0 + 1)
    }

    async fn ask_applied(&self, id: GroupId, node: NodeId) -> Option<u64> {
        let link = self.parts.peers.link(node)?;
        let answer = link.call(id, Body::ReadIndex(pb::ReadIndex {}), ANSWER_MAX);
        match answer.await {
            Ok(Body::ReadIndexReply(reply)) => reply.applied,
            _ => None,
        }
    }
}
