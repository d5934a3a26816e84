//! Quarantine: a replica that cannot go on is taken out of service, and its node goes on.
//!
//! A machine that panics, an entry that cannot be decoded, a checkpoint or a letter that cannot be
//! read: each concerns one group. Its replica is closed. It neither votes nor acknowledges nor
//! serves, and nothing of it is deleted: log, checkpoint and letters stay as they are. Its log moves
//! to a file when others need the segments. Only if the disk has no space for that, and a majority
//! has all of the log, is the log let go of (`groups/let_go.rs`). The other groups of the node notice
//! nothing. A fault of the log or of the whole store still ends the node.
//!
//! Each quarantine is a small file in the data folder (`Ledger`), so that a restart does not open
//! the replica again, vote with it, and find the same fault once more.
//!
//! How it ends depends on the [`Cause`]. With [`Cause::Entry`], an operator retries, for example
//! after an upgrade that fixed the panic. With [`Cause::Files`], the node asks the other replicas
//! for their state by itself, and goes on once it has replaced the files that cannot be read. With
//! [`Cause::Level`], the next start of the node tries again: it may be that of a newer version.

use crate::types::{GroupId, Millis};

mod guard;
mod ledger;

pub(crate) use guard::guarded;
pub(crate) use ledger::Ledger;

/// What a replica could not cope with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A log entry, or the state that entries made: a machine panicked or refused to read it.
    Entry,
    /// Files of its checkpoint cannot be read.
    Files,
    /// A log entry, or a state, of a level that this version does not know. Nothing was changed.
    Level,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 3] = [Cause::Entry, Cause::Files, Cause::Level];

    /// As metrics and the status name it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Entry => "entry",
            Cause::Files => "files",
            Cause::Level => "level",
        }
    }
}

/// Why a replica cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What it could not cope with.
    pub cause: Cause,
    /// The index of the log entry that was being applied, if one was.
    pub index: Option<u64>,
    /// For people: the panic's text, or the error.
    pub reason: String,
}

/// A replica that was taken out of service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replica of {group} is quarantined: {}", broken.reason)]
pub struct Quarantine {
    /// Its group.
    pub group: GroupId,
    /// Why.
    pub broken: Broken,
    /// Since when, by this node's clock.
    pub since: Millis,
    /// The version of the program that could not go on.
    pub version: String,
}
