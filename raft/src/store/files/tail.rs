//! The end of a file, where records are appended.

use std::io;
use std::sync::Arc;

use super::format::{self, FileId, HEAD_BYTES, Record};
use super::index::FILE_BYTES_MAX;
use crate::env::DiskFile;
use crate::store::StoreError;

/// Records are written when they have so many bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// What is written without waiting for the disk: more would keep the log waiting for it.
const UNSYNCED_BYTES_MAX: u64 = 2 << 20;

/// Where a file goes on.
pub(super) struct Tail {
    file: Arc<dyn DiskFile>,
    id: FileId,
    /// What was written; the buffer follows.
    written: u64,
    unsynced: u64,
    buffer: Vec<u8>,
}

impl Tail {
    /// Begins a file that is empty.
    pub(super) fn begin(file: Arc<dyn DiskFile>, id: FileId) -> Tail {
        Tail {
            buffer: format::head(id).to_vec(),
            ..Tail::at(file, id, 0)
        }
    }

    /// The end of a file that was read.
    pub(super) fn at(file: Arc<dyn DiskFile>, id: FileId, end: u64) -> Tail {
        Tail {
            file,
            id,
            written: end,
            unsynced: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Where the next record goes.
    pub(super) fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// About how many bytes of records there are.
    pub(super) fn record_bytes(&self) -> u64 {
        self.end().saturating_sub(HEAD_BYTES as u64)
    }

    /// Removes what follows: a write that was cut short.
    pub(super) fn cut(&self) -> io::Result<()> {
        self.file.allocate(self.written)?;
        self.file.sync_data()
    }

    /// Appends a record, and says where.
    pub(super) fn append(&mut self, record: &Record<'_>) -> Result<u64, StoreError> {
        let position = self.end();
        format::append(&mut self.buffer, self.id, position, record)?;
        if self.end() >= FILE_BYTES_MAX {
            return Err(StoreError::Failed(format!("a checkpoint of {position} bytes")));
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(position)
    }

    /// Hands everything to the operating system.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let written = self.write_buffer();
        written.map_err(|error| StoreError::of_write("a checkpoint cannot be written", &error))?;
        match self.unsynced >= UNSYNCED_BYTES_MAX {
            true => self.sync_data(),
            false => Ok(()),
        }
    }

    fn sync_data(&mut self) -> Result<(), StoreError> {
        let synced = self.file.sync_data();
        // Whatever the reason, nobody knows what is on the disk.
        synced.map_err(|error| StoreError::Failed(format!("a checkpoint cannot be synced: {error}")))?;
        self.unsynced = 0;
        Ok(())
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes everything durable. The buffer's memory is given back: most groups write seldom.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.sync_data()?;
        self.buffer = Vec::new();
        Ok(())
    }
}
