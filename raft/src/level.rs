//! Levels: what the replicas of a cluster have agreed to write, so that nodes of two versions can
//! run side by side.
//!
//! A level is a number that rises when a release adds an operation, a field, a row or a rule that
//! the release before would not understand. Each binary knows the levels up to [`Level::LATEST`].
//! Each state machine has a level of its own, which rises at one index of its log, on all replicas
//! alike. Below that index every version behaves as the oldest one did.
//!
//! Three rules keep replicas equal:
//! - A machine behaves by its level: what needs a higher one is unintelligible to it, as it is to
//!   older binaries.
//! - A leader proposes nothing that needs a higher level than its machine has.
//! - An entry names the level that reading it takes. A replica that knows less stops before the
//!   entry changes anything; it never skips one.
//!
//! `table.rs` says which operation, field, row and message needs which level.

use std::fmt;

mod command;
pub mod table;
mod version;

pub(crate) use command::{need, without_newer};
pub use version::NodeVersion;

/// A level. Levels are ordered: a binary that knows one knows all below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u32);

impl Level {
    /// Before there were levels: binaries that do not know the word, and what they have written.
    pub const ZERO: Level = Level(0);
    /// The first release that knows levels.
    pub const ONE: Level = Level(1);
    /// The highest level that this binary reads, and writes once its cluster has agreed to it.
    pub const LATEST: Level = Level::ONE;
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Something was written at a level that this node does not know. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} has level {level}, and this node knows levels up to {known}: run a newer version of \
     Millrace here; nothing was changed"
)]
pub struct TooNew {
    /// What was met.
    pub what: String,
    /// Its level.
    pub level: Level,
    /// The highest level that the node knows.
    pub known: Level,
}

impl TooNew {
    /// Refuses what is above `known`.
    ///
    /// # Errors
    /// If `level` is.
    pub fn check(level: Level, known: Level, what: impl FnOnce() -> String) -> Result<(), TooNew> {
        if level <= known {
            return Ok(());
        }
        Err(TooNew {
            what: what(),
            level,
            known,
        })
    }
}

impl From<TooNew> for std::io::Error {
    fn from(error: TooNew) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::Unsupported, error)
    }
}
