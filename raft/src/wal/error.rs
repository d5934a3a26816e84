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
    /// A whole record of a kind that this build does not know. The file stays as it is: cutting the
    /// record off would lose what a newer version has acknowledged.
    #[error(
        "{} has a record of kind {kind} at offset {offset}, and this build (log format \
         {FORMAT_VERSION}) does not know that kind: start the version that wrote it", path.display()
    )]
    UnknownRecord {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// The number of the kind.
        kind: u8,
    },
    /// The newest segments are gone, and with them votes and entries that were acknowledged.
    #[error(
        "the newest files of the write-ahead log in {} are missing: segment {prepared} was made, and \
         the newest one there is {found}: put the files back, or give the node an empty data folder \
         and a new number", folder.display()
    )]
    Missing {
        /// The log's folder.
        folder: PathBuf,
        /// The newest segment that was made, says the manifest.
        prepared: u64,
        /// The newest one that is there; 0 if there is none.
        found: u64,
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
            WalError::Damaged { .. } | WalError::Missing { .. } | WalError::UnknownRecord { .. } => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
