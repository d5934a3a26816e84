//! What can go wrong with sled, by what is to be done about it.

use std::io;

use crate::store::StoreError;

/// Why something could not be read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not what was written.
    Damaged(String),
    /// The disk does not work.
    Disk(String),
    /// An answer for the caller.
    Refused(StoreError),
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
