//! openraft's type parameters, chosen once.

use std::fmt;

use bytes::Bytes;
use openraft::EmptyNode;
use openraft::impls::leader_id_std;
use openraft::vote::RaftLeaderIdExt;

use crate::command::Reply;
use crate::level::Level;
use crate::types::NodeId;

openraft::declare_raft_types!(
    /// The one configuration that all groups of all kinds share. Leader ids follow the Raft paper:
    /// at most one leader a term.
    pub TypeConfig:
        D = Payload,
        R = Replies,
        NodeId = NodeId,
        Node = EmptyNode,
        Term = u64,
        AsyncRuntime = super::runtime::Runtime,
        LeaderId = leader_id_std::LeaderId<u64, NodeId>,
);

/// A batch on its way through the log. It is encoded once, by the leader; the log, the wire and the
/// state machine share its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// An encoded [`crate::command::Batch`].
    pub batch: Bytes,
    /// What it takes to apply it.
    pub level: Level,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch of {} bytes", self.batch.len())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Replies to the commands of a batch, in order; empty for entries that carry none.
#[derive(Debug, Default)]
pub struct Replies(pub Vec<Reply>);

impl fmt::Display for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} replies", self.0.len())
    }
}

/// A group's leader in one term.
pub type LeaderId = openraft::alias::LeaderIdOf<TypeConfig>;
/// A vote.
pub type Vote = openraft::alias::VoteOf<TypeConfig>;
/// A position in a log.
pub type LogId = openraft::alias::LogIdOf<TypeConfig>;
/// A log entry.
pub type Entry = openraft::alias::EntryOf<TypeConfig>;
/// Who takes part in a group.
pub type Membership = openraft::Membership<NodeId, EmptyNode>;
/// A membership and the entry it came from.
pub type StoredMembership = openraft::alias::StoredMembershipOf<TypeConfig>;
/// What a snapshot covers.
pub type SnapshotMeta = openraft::alias::SnapshotMetaOf<TypeConfig>;

/// The log id of a term's entry.
pub fn log_id(term: u64, index: u64) -> LogId {
    // The node does not count: a term has one leader.
    LogId {
        leader_id: LeaderId::new_committed(term, NodeId(0)),
        index,
    }
}
