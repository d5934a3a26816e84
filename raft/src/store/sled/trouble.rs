//! What sled's errors mean for us.

use std::io;

use crate::store::StoreError;

/// Why an operation did not succeed.
pub(super) enum Trouble {
    /// The database is not what was written. Begin without one.
    Damaged(String),
    /// The disk does not work. Stop.
    Disk(String),
    /// An answer for the caller.
    Refused(StoreError),
}

impl Trouble {
    /// sled gives up with a panic on some kinds of damage.
    pub(super) fn panicked() -> Trouble {
        Trouble::Damaged("sled has panicked".into())
    }
}

impl From<sled::Error> for Trouble {
    fn from(error: sled::Error) -> Trouble {
        match error {
            sled::Error::Io(error) => Trouble::from(error),
            damage => Trouble::Damaged(damage.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            // A file that should be there, or should be longer.
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Trouble::Damaged(error.to_string())
            }
            _ => Trouble::Disk(error.to_string()),
        }
    }
}
