//! Somebody who is told what replicas do, as they do it.
//!
//! Simulation checks with it what no client can see: that a term has one leader, that nobody votes
//! twice, that logs which agree on an entry agree on all before it, that replicas which applied the
//! same entries are equal. Nodes do not look at what a witness makes of it, and in production there
//! is none.

use crate::types::{GroupId, LogIndex, NodeId};

/// An entry, as far as it matters whether two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryMark {
    /// Where it stands.
    pub index: LogIndex,
    /// The term of the leader who made it.
    pub term: u64,
    /// CRC-32C of all of it.
    pub checksum: u32,
}

/// What a replica has when it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How many entries its state has.
    pub applied: u64,
    /// Index after the last entry of its log, or after the last one that was purged.
    pub end: u64,
    /// The term of its vote.
    pub term: u64,
}

/// Told of a node's steps in all its groups. Calls come in the order of the steps, and must be quick.
pub trait Witness: Send + Sync {
    /// A vote is on disk, and was not answered yet: for `candidate` in `term`; `granted_by_majority` if it is the
    /// leader of that term.
    fn voted(&self, group: GroupId, term: u64, candidate: NodeId, granted_by_majority: bool);

    /// Entries were handed to the log, in order and without a gap.
    fn appended(&self, group: GroupId, entries: &[EntryMark]);

    /// Everything after `last` was taken off the log; everything, if that is none.
    fn truncated(&self, group: GroupId, last: Option<LogIndex>);

    /// The log has told Raft that everything up to `last` is durable.
    fn durable(&self, group: GroupId, last: LogIndex);

    /// The group was deleted, and a replica of it goes with its log, its votes and its state.
    fn forgotten(&self, group: GroupId);

    /// The group has no member on this node any more, and its replica goes with its log, its votes and its state.
    fn left(&self, group: GroupId);

    /// A replica opened, with what its node has kept.
    fn opened(&self, group: GroupId, kept: Kept);

    /// An entry was applied. `digest` computes a checksum of the state after it, and takes as long
    /// as the state is large.
    fn applied(&self, group: GroupId, entry: EntryMark, digest: &dyn Fn() -> u64);

    /// The state was replaced by a leader's: that of its first `applied` entries.
    fn installed(&self, group: GroupId, applied: u64, digest: &dyn Fn() -> u64);
}
