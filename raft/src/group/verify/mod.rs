//! Compares the states of a group's replicas, while the group works.
//!
//! A leader puts *marks* into the log. Each names a slice of the state. Every replica cuts that
//! slice when it applies the mark, so that all of them cut the same state, and takes the digest of
//! its rows on the worker of checkpoints. A row is compared as a snapshot would send it: how
//! letters are laid out in files does not matter, and letters in files are read. The next mark
//! carries what the leader's digest was, and each replica compares it with its own. No replica
//! asks another one, and applying a mark costs as much as cutting a slice of bounded size.
//!
//! A mark is a field of a batch without commands. It changes nothing in any machine: versions that
//! do not know it pass over it. A *pass* is one walk over the whole state.

use prost::Message;

pub(super) mod ledger;
mod pass;
mod slice;

pub use ledger::Verification;
pub use pass::Pass;

/// What a slice holds, about; one row at least.
const SLICE_BYTES: usize = 256 << 10;
/// Slices of a replica that wait for their digest. A replica that has more to do leaves one out.
pub(super) const SLICES_MAX: usize = 4;

/// As it stands in a batch, among the fields of [`crate::command::Batch`].
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Marked {
    #[prost(message, optional, tag = "60")]
    pub(super) mark: Option<Mark>,
}

/// One mark.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Mark {
    /// Drawn at random for each pass.
    #[prost(uint64, tag = "1")]
    pub(super) pass: u64,
    /// Absent if this mark ends the pass.
    #[prost(message, optional, tag = "2")]
    pub(super) slice: Option<Slice>,
    /// What the leader found in the slice of the mark before.
    #[prost(message, optional, tag = "3")]
    pub(super) claim: Option<Claim>,
    /// How many slices the pass had, if this mark ends it.
    #[prost(uint64, tag = "4")]
    pub(super) slices: u64,
}

/// A slice of a state.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Slice {
    /// Counts the slices of a pass, from 0.
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    /// As in [`crate::machine::Parts`].
    #[prost(uint64, tag = "2")]
    pub(super) table: u64,
    #[prost(uint64, tag = "3")]
    pub(super) next: u64,
    #[prost(uint64, tag = "4")]
    pub(super) bytes_max: u64,
}

/// The digest of a slice.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Claim {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    #[prost(uint64, tag = "2")]
    pub(super) rows: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) digest: u64,
}

impl Mark {
    /// The mark in an encoded batch, if it has one.
    pub(super) fn in_batch(batch: &bytes::Bytes) -> Option<Mark> {
        // A batch that cannot be decoded is reported by whoever decodes the rest of it.
        Marked::decode(batch.clone()).ok()?.mark
    }
}
