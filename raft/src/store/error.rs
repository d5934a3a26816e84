//! What can go wrong with checkpoints.

use std::io;
use std::path::PathBuf;

use crate::env::is_no_space;
use crate::types::GroupId;

/// An error of the checkpoint store. A damaged checkpoint is put aside, and there is none then.
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
    /// Written by a newer version of this program. Names the file, what was found and what is
    /// known. Nothing was changed.
    #[error("{0}: a newer version wrote it; run that version again. Nothing was changed")]
    TooNew(String),
    /// Written by a version so old that this one does not read it any more. Nothing was changed.
    #[error("{0}: a version that is too old wrote it; run one in between first. Nothing was changed")]
    TooOld(String),
    /// A delta came for a group that has no checkpoint. Write its whole state with `clear` set.
    #[error("group {0} has no checkpoint that a delta could change")]
    NoBase(GroupId),
    /// There is no state that is being put together: it was never begun, or was let go of.
    #[error("no state of group {0} is being put together")]
    NotStaged(GroupId),
    /// The disk failed. Never tried again; the node has to stop.
    #[error("the checkpoint store has failed: {0}")]
    Failed(String),
    /// The disk has no space for it. What was there before is there still. The next delta has to
    /// have what this one had, too; or write the whole state with `clear` set, later.
    #[error("there is no space for a checkpoint: {0}")]
    Full(String),
    /// The disk failed while something was read. That may pass, and says nothing about what is on
    /// it.
    #[error("a checkpoint cannot be read: {0}")]
    Reading(String),
    /// A row, a letter, or the list of a chunk, is not what was written. The group's checkpoint is
    /// to be put aside.
    #[error("a checkpoint is damaged: {0}")]
    Unreadable(String),
    /// Code that makes rows of a machine, or a machine of rows, has panicked: the text of the panic.
    #[error("the checkpoint worker has panicked: {0}")]
    Panicked(String),
    /// The store's worker is gone.
    #[error("the checkpoint store has stopped")]
    Stopped,
}

impl StoreError {
    /// Something new could not be written.
    pub(super) fn of_write(what: &str, error: &io::Error) -> StoreError {
        let reason = format!("{what}: {error}");
        match is_no_space(error) {
            true => StoreError::Full(reason),
            false => StoreError::Failed(reason),
        }
    }

    /// Whether only the group that was asked about is concerned. Otherwise the store itself has failed.
    pub fn is_of_one_group(&self) -> bool {
        matches!(self, StoreError::Unreadable(_) | StoreError::Panicked(_))
    }
}
