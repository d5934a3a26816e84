//! What can go wrong with checkpoints.

use std::path::PathBuf;

use crate::types::GroupId;

/// An error of the checkpoint store. Damage is not among them: it is repaired by forgetting.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used: not writable, or in use by another process.
    #[error("cannot open the checkpoints in {}: {reason}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// What was in the way.
        reason: String,
    },
    /// Written by a newer version of this program.
    #[error("the checkpoints in {} have format version {found}, and this build knows {known}", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// The version it names.
        found: u32,
        /// The newest this build can read.
        known: u32,
    },
    /// A delta came for a group that has no checkpoint. Write its whole state with `clear` set.
    #[error("group {0} has no checkpoint that a delta could change")]
    NoBase(GroupId),
    /// There is no state that is being put together: it was never begun, or was let go of.
    #[error("no state of group {0} is being put together")]
    NotStaged(GroupId),
    /// The disk failed. Never tried again; the node has to stop.
    #[error("the checkpoint store has failed: {0}")]
    Failed(String),
    /// A letter, or the list of a chunk, is not what was written. The group's checkpoint is worth nothing.
    #[error("letters are damaged: {0}")]
    Unreadable(String),
    /// The store's worker is gone.
    #[error("the checkpoint store has stopped")]
    Stopped,
}
