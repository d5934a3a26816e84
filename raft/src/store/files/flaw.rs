//! Why a file cannot be read.

use std::io;
use std::path::Path;

use super::format::Unfit;
use crate::store::StoreError;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Flaw {
    /// It is not what was written. It is put aside.
    Damaged(String),
    /// It is left as it is, and the caller hears why.
    Refused(StoreError),
}

impl Flaw {
    /// A file, or a part of one, that is there in another version or not as it should be.
    pub(super) fn of(unfit: Unfit, path: &Path, position: u64) -> Flaw {
        let at = format!("{} at byte {position}", path.display());
        match unfit {
            Unfit::Damaged => Flaw::Damaged(format!("{at}: the checksum is wrong")),
            Unfit::TooNew(what) => Flaw::Refused(StoreError::TooNew(format!("{at} has {what}"))),
            Unfit::TooOld(what) => Flaw::Refused(StoreError::TooOld(format!("{at} has {what}"))),
        }
    }

    /// A file that cannot be read. A fault of the disk, which may pass, says nothing about what is
    /// on it.
    pub(super) fn reading(error: &io::Error, path: &Path) -> Flaw {
        let reason = format!("{}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Flaw::Damaged(reason)
            }
            _ => Flaw::Refused(StoreError::Reading(reason)),
        }
    }
}

impl From<StoreError> for Flaw {
    fn from(error: StoreError) -> Flaw {
        Flaw::Refused(error)
    }
}
