//! One segment in use: its file, and the ways to write it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::WalError;
use super::format::{BATCH_HEADER_BYTES, SegmentHeader};
use crate::env::DiskFile;
use crate::planted::{Bug, planted};

/// A segment in use.
pub(super) struct Segment {
    pub(super) sequence: u64,
    pub(super) salt: u32,
    pub(super) capacity: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
}

impl Segment {
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), WalError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|error| WalError::io("read", &self.path, error))
    }

    /// Writes and makes durable.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), WalError> {
        if planted(Bug::AckBeforeSync) {
            self.sync()?;
            return self.write_unsynced(bytes, offset);
        }
        self.write_unsynced(bytes, offset)?;
        self.sync()
    }

    pub(super) fn write_unsynced(&self, bytes: &[u8], offset: u64) -> Result<(), WalError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|error| WalError::io("write", &self.path, error))
    }

    /// Writes the header, and what stands in `batch`, again where they are. After a failed sync the
    /// page cache may hold what the disk does not, and a sync alone would not write it.
    pub(super) fn write_again(&self, log: u64, batch: Range<u64>) -> Result<(), WalError> {
        let header = SegmentHeader {
            log,
            sequence: self.sequence,
            capacity: self.capacity,
        };
        self.write_unsynced(&header.encode(), 0)?;
        let length = self
            .file
            .len()
            .map_err(|error| WalError::io("measure", &self.path, error))?;
        // A batch's padding may be beyond the end of a file that was cut off.
        let mut bytes = vec![0; batch.end.min(length).saturating_sub(batch.start) as usize];
        self.read(&mut bytes, batch.start)?;
        self.write_unsynced(&bytes, batch.start)
    }

    fn sync(&self) -> Result<(), WalError> {
        self.file
            .sync_data()
            .map_err(|error| WalError::io("sync", &self.path, error))
    }

    /// Removes what may look like a batch at `offset`, so that a later recovery does not stumble over it.
    pub(super) fn wipe_batch(&self, offset: u64) -> Result<(), WalError> {
        self.write(&[0; BATCH_HEADER_BYTES], offset)
    }
}
