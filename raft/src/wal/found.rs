//! What a folder's files are: segments, in order, and files waiting for another life.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WalError;
use super::format::{
    BATCH_HEADER_BYTES, BatchHeader, HeaderError, SEGMENT_HEADER_BYTES, SegmentHeader, salt,
};
use super::scan::Scanner;
use super::segment::Segment;
use crate::env::{Disk, DiskFile};

/// A file whose contents nobody needs.
pub(super) struct FreeFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) bytes: u64,
}

impl FreeFile {
    /// Writes the header of segment `sequence`; it is durable when this returns.
    pub(super) fn into_segment(self, log: u64, sequence: u64, capacity: u64) -> Result<Segment, WalError> {
        let segment = Segment {
            sequence,
            salt: salt(log, sequence),
            capacity,
            path: self.path,
            file: self.file,
        };
        let header = SegmentHeader {
            log,
            sequence,
            capacity,
        };
        segment.write(&header.encode(), 0)?;
        Ok(segment)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), WalError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|error| WalError::io("read", &self.path, error))
    }
}

/// What a folder has.
pub(super) struct Found {
    log: u64,
    /// Without a hole, the oldest first.
    pub(super) segments: Vec<Segment>,
    /// The longest unused first.
    pub(super) free: VecDeque<FreeFile>,
}

impl Found {
    /// Looks into `files`, which are those of log `log`.
    pub(super) fn read(disk: &dyn Disk, log: u64, files: Vec<PathBuf>) -> Result<Found, WalError> {
        let mut found = Found {
            log,
            segments: Vec::new(),
            free: VecDeque::new(),
        };
        for path in files {
            found.add(disk, path)?;
        }
        found.restore_headers()?;
        found.segments.sort_by_key(|segment| segment.sequence);
        for pair in found.segments.windows(2) {
            if pair[0].sequence + 1 != pair[1].sequence {
                let reason = format!(
                    "it is segment {} but follows segment {}: a file is missing or its header is damaged",
                    pair[1].sequence, pair[0].sequence
                );
                return Err(WalError::damaged(&pair[1].path, 0, reason));
            }
        }
        Ok(found)
    }

    fn add(&mut self, disk: &dyn Disk, path: PathBuf) -> Result<(), WalError> {
        let file = disk
            .open(&path, false)
            .map_err(|error| WalError::io("open", &path, error))?;
        let bytes = file
            .len()
            .map_err(|error| WalError::io("measure", &path, error))?;
        match read_header(&path, &*file, bytes)? {
            Some(header) if header.log == self.log => self.segments.push(Segment {
                sequence: header.sequence,
                salt: salt(self.log, header.sequence),
                capacity: header.capacity,
                path,
                file,
            }),
            Some(_) => return Err(WalError::damaged(&path, 0, "it belongs to another folder")),
            None => self.free.push_back(FreeFile { path, file, bytes }),
        }
        Ok(())
    }

    /// A file without a valid header was made and never used, or was being prepared for another
    /// life, or its header is damaged. In the last case the salt of its first batch tells which
    /// segment it is; in the second it may, and reading what was about to be overwritten does no harm.
    fn restore_headers(&mut self) -> Result<(), WalError> {
        let sequences = || self.segments.iter().map(|segment| segment.sequence);
        let range = sequences().min().zip(sequences().max());
        // If more are missing than files could be, there is a hole whatever these files are.
        let candidates_max = self.segments.len() + self.free.len() + 2;
        for free in std::mem::take(&mut self.free) {
            let Some((oldest, newest)) = range else {
                refuse_contents(&free)?;
                self.free.push_back(free);
                continue;
            };
            let mut first = [0; BATCH_HEADER_BYTES];
            if free.bytes >= SEGMENT_HEADER_BYTES + first.len() as u64 {
                free.read(&mut first, SEGMENT_HEADER_BYTES)?;
            }
            let sequence = (oldest.saturating_sub(1)..=newest + 1)
                .take(candidates_max)
                .find(|sequence| BatchHeader::decode(&first, salt(self.log, *sequence)).is_some());
            match sequence {
                Some(sequence) => {
                    tracing::warn!(path = %free.path.display(), sequence, "restored the header of a segment");
                    let capacity = free.bytes;
                    self.segments
                        .push(free.into_segment(self.log, sequence, capacity)?);
                }
                None => {
                    self.refuse_batches(&free, [oldest.saturating_sub(1), newest + 1])?;
                    self.free.push_back(free);
                }
            }
        }
        Ok(())
    }

    /// A file that lost its header and its first batch would pass for a free one. If it was at either end of
    /// the log no hole in the sequence tells either, but its later batches do.
    fn refuse_batches(&self, free: &FreeFile, sequences: [u64; 2]) -> Result<(), WalError> {
        for sequence in sequences {
            let segment = Segment {
                sequence,
                salt: salt(self.log, sequence),
                capacity: free.bytes,
                path: free.path.clone(),
                file: free.file.clone(),
            };
            if let Some(batch) = Scanner::new(&segment)?.later_batch(SEGMENT_HEADER_BYTES)? {
                let reason = format!(
                    "its header and its first batch are unreadable, but batch {batch} of segment {sequence} follows"
                );
                return Err(WalError::damaged(&free.path, 0, reason));
            }
        }
        Ok(())
    }
}

/// With no other segment to tell what a file without a header is, only one that was never written is of no use.
fn refuse_contents(free: &FreeFile) -> Result<(), WalError> {
    const WINDOW_BYTES: u64 = 1024 * 1024;
    let mut at = SEGMENT_HEADER_BYTES;
    while at < free.bytes {
        let mut window = vec![0; WINDOW_BYTES.min(free.bytes - at) as usize];
        free.read(&mut window, at)?;
        if window.iter().any(|byte| *byte != 0) {
            let reason = "its header is unreadable, but batches follow";
            return Err(WalError::damaged(&free.path, 0, reason));
        }
        at += window.len() as u64;
    }
    Ok(())
}

fn read_header(path: &Path, file: &dyn DiskFile, bytes: u64) -> Result<Option<SegmentHeader>, WalError> {
    if bytes < SEGMENT_HEADER_BYTES {
        return Ok(None);
    }
    let mut header = vec![0; SEGMENT_HEADER_BYTES as usize];
    file.read_exact_at(&mut header, 0)
        .map_err(|error| WalError::io("read", path, error))?;
    match SegmentHeader::decode(&header) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderError::Invalid) => Ok(None),
        Err(HeaderError::Version(found)) => Err(WalError::Version {
            path: path.to_owned(),
            found,
        }),
    }
}
