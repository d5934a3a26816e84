//! The file that chunks are added to.

use std::sync::Arc;

use super::files::failed;
use crate::env::DiskFile;
use crate::store::StoreError;

/// What is written without waiting for the disk: more would keep the log waiting for it.
const UNSYNCED_BYTES_MAX: u64 = 2 << 20;
/// The file that chunks are added to.
pub(super) struct Last {
    pub(super) number: u64,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) end: u64,
    pub(super) unsynced: u64,
}

impl Last {
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all_at(bytes, self.end);
        written.map_err(failed)?;
        self.end += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= UNSYNCED_BYTES_MAX {
            self.sync()?;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.unsynced) > 0 {
            let synced = self.file.sync_data();
            // Whatever the reason, nobody knows what is on the disk.
            synced.map_err(|error| StoreError::Failed(format!("a file of letters: {error}")))?;
        }
        Ok(())
    }
}
