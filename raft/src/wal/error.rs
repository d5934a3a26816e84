//! What can go wrong with the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::FORMAT_VERSION;
use crate::types::{GroupId, LogIndex};

/// An error of the write-ahead log. Cloned to everybody who waits for the write that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WalError {
    /// Another process has the folder.
    #[error("the write-ahead log in {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A file or folder could not be used while opening or reading.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Written by a newer version of this program.
    #[error("{} has format version {found}, and this build knows {FORMAT_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u32,
    },
    /// The file holds what this log never wrote. The node must not start: entries that it
    /// acknowledged may be gone.
    #[error("{} is damaged at offset {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// How one can tell.
        reason: String,
    },
    /// A write or a sync failed. It is never tried again, because what reached the disk is
    /// unknown after a failed fdatasync: the node has to stop.
    #[error("the write-ahead log has failed: {0}")]
    Failed(Arc<str>),
    /// The log was closed in good order.
    #[error("the write-ahead log is closed")]
    Closed,
    /// The handle is of a group that was forgotten since.
    #[error("group {0} was forgotten")]
    Forgotten(GroupId),
    /// An append that would leave a hole.
    #[error("entry {index} of group {group} leaves a gap: {expected} comes next")]
    Gap {
        /// Whose log.
        group: GroupId,
        /// The index of the entry.
        index: LogIndex,
        /// The index that comes next.
        expected: LogIndex,
    },
    /// A record that no segment can hold.
    #[error("a record of {bytes} bytes does not fit into a segment of the write-ahead log")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl WalError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> WalError {
        let (path, source) = (path.to_owned(), Arc::new(source));
        WalError::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, offset: u64, reason: impl Into<String>) -> WalError {
        WalError::Damaged {
            path: path.to_owned(),
            offset,
            reason: reason.into(),
        }
    }
}

impl From<WalError> for io::Error {
    fn from(error: WalError) -> io::Error {
        let kind = match &error {
            WalError::Io { source, .. } => source.kind(),
            WalError::Damaged { .. } => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
