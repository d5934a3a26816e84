//! The log's folder and its files: identity, segments in use, and files waiting for another life.
//!
//! A file keeps its name for ever; what it holds is said by its header. Files are reused in the
//! order in which they fell free, so that the sequence numbers found on disk never have a hole.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WalError;
use super::format::{
    BATCH_HEADER_BYTES, BatchHeader, HeaderError, IDENTITY_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader,
    decode_identity, encode_identity, salt,
};
use super::scan::Scanner;
use crate::env::{Disk, DiskFile, Env};
use crate::planted::{Bug, planted};

/// Files kept for reuse beyond the prepared one; more are removed, so that a burst gives its space back.
const FREE_FILES_MAX: usize = 4;
const IDENTITY_NAME: &str = "wal.id";
const LOCK_NAME: &str = "LOCK";
const SEGMENT_SUFFIX: &str = "wal";

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

fn write_durably(file: &dyn DiskFile, path: &Path, bytes: &[u8], offset: u64) -> Result<(), WalError> {
    file.write_all_at(bytes, offset)
        .map_err(|error| WalError::io("write", path, error))?;
    file.sync_data()
        .map_err(|error| WalError::io("sync", path, error))
}

/// A file whose contents nobody needs.
struct FreeFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    bytes: u64,
}

impl FreeFile {
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), WalError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|error| WalError::io("read", &self.path, error))
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

/// The folder.
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    log: u64,
    segment_bytes: u64,
    next_name: u64,
    /// The longest unused first.
    free: VecDeque<FreeFile>,
    /// Dropped with the folder, which lets another process in.
    _lock: Box<dyn Any + Send + Sync>,
}

impl Folder {
    /// Takes the folder and finds its segments, in order.
    pub(super) fn open(
        env: &Env,
        path: &Path,
        segment_bytes: u64,
    ) -> Result<(Folder, Vec<Segment>), WalError> {
        let disk = env.disk.clone();
        disk.create_dir_all(path)
            .map_err(|error| WalError::io("create the folder", path, error))?;
        let lock = disk.lock(&path.join(LOCK_NAME)).map_err(|error| {
            if error.kind() == io::ErrorKind::WouldBlock {
                WalError::Locked(path.to_owned())
            } else {
                WalError::io("lock", path, error)
            }
        })?;
        let names = disk
            .list(path)
            .map_err(|error| WalError::io("list", path, error))?;
        let files: Vec<PathBuf> = names
            .into_iter()
            .filter(|name| name.extension().is_some_and(|end| end == SEGMENT_SUFFIX))
            .collect();
        let log = identify(env, path, files.is_empty())?;
        let last_name = files.iter().filter_map(|file| number(file)).max();
        let mut folder = Folder {
            disk,
            path: path.to_owned(),
            log,
            segment_bytes,
            next_name: last_name.map_or(1, |name| name + 1),
            free: VecDeque::new(),
            _lock: lock,
        };
        let segments = folder.find_segments(files)?;
        Ok((folder, segments))
    }

    fn find_segments(&mut self, files: Vec<PathBuf>) -> Result<Vec<Segment>, WalError> {
        let mut segments = Vec::new();
        for path in files {
            let file = self
                .disk
                .open(&path, false)
                .map_err(|error| WalError::io("open", &path, error))?;
            let bytes = file
                .len()
                .map_err(|error| WalError::io("measure", &path, error))?;
            match read_header(&path, &*file, bytes)? {
                Some(header) if header.log == self.log => segments.push(Segment {
                    sequence: header.sequence,
                    salt: salt(self.log, header.sequence),
                    capacity: header.capacity,
                    path,
                    file,
                }),
                Some(_) => {
                    return Err(WalError::damaged(&path, 0, "it belongs to another folder"));
                }
                None => self.free.push_back(FreeFile { path, file, bytes }),
            }
        }
        self.restore_headers(&mut segments)?;
        segments.sort_by_key(|segment| segment.sequence);
        for pair in segments.windows(2) {
            if pair[0].sequence + 1 != pair[1].sequence {
                let reason = format!(
                    "it is segment {} but follows segment {}: a file is missing or its header is damaged",
                    pair[1].sequence, pair[0].sequence
                );
                return Err(WalError::damaged(&pair[1].path, 0, reason));
            }
        }
        Ok(segments)
    }

    /// A file without a valid header was made and never used, or was being prepared for another
    /// life, or its header is damaged. In the last case the salt of its first batch tells which
    /// segment it is; in the second it may, and reading what was about to be overwritten does no harm.
    fn restore_headers(&mut self, segments: &mut Vec<Segment>) -> Result<(), WalError> {
        let sequences = || segments.iter().map(|segment| segment.sequence);
        let range = sequences().min().zip(sequences().max());
        // If more are missing than files could be, there is a hole whatever these files are.
        let candidates_max = segments.len() + self.free.len() + 2;
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
                    segments.push(self.give_header(free, sequence, capacity)?);
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

    fn give_header(&self, free: FreeFile, sequence: u64, capacity: u64) -> Result<Segment, WalError> {
        let FreeFile { path, file, .. } = free;
        let header = SegmentHeader {
            log: self.log,
            sequence,
            capacity,
        };
        write_durably(&*file, &path, &header.encode(), 0)?;
        Ok(Segment {
            sequence,
            salt: salt(self.log, sequence),
            capacity,
            path,
            file,
        })
    }

    /// Makes a file ready to be segment `sequence`: once this returns its header is durable.
    pub(super) fn prepare(&mut self, sequence: u64) -> Result<Segment, WalError> {
        let free = self.take_free()?;
        self.give_header(free, sequence, self.segment_bytes)
    }

    fn take_free(&mut self) -> Result<FreeFile, WalError> {
        while let Some(free) = self.free.pop_front() {
            // Of another size: made under another configuration, or cut off.
            if free.bytes == self.segment_bytes {
                return Ok(free);
            }
            self.remove(&free.path)?;
        }
        let path = self.path.join(format!("{:08}.{SEGMENT_SUFFIX}", self.next_name));
        self.next_name += 1;
        let file = self
            .disk
            .open(&path, true)
            .map_err(|error| WalError::io("create", &path, error))?;
        file.allocate(self.segment_bytes)
            .map_err(|error| WalError::io("reserve space for", &path, error))?;
        self.sync()?;
        let bytes = self.segment_bytes;
        Ok(FreeFile { path, file, bytes })
    }

    /// Whether the segment has the size that new ones get.
    pub(super) fn has_current_size(&self, segment: &Segment) -> bool {
        segment.capacity == self.segment_bytes
    }

    /// Removes an empty segment that was made under another configuration.
    pub(super) fn discard(&self, segment: &Segment) -> Result<(), WalError> {
        self.remove(&segment.path)
    }

    /// Takes back a segment that no group needs. Oldest first.
    pub(super) fn recycle(&mut self, segment: &Segment) -> Result<(), WalError> {
        self.free.push_back(FreeFile {
            path: segment.path.clone(),
            file: segment.file.clone(),
            bytes: segment.capacity,
        });
        while self.free.len() > FREE_FILES_MAX {
            if let Some(free) = self.free.pop_front() {
                self.remove(&free.path)?;
            }
        }
        Ok(())
    }

    /// Synced at once: a removed file that came back after a crash would leave a hole in the sequence.
    fn remove(&self, path: &Path) -> Result<(), WalError> {
        self.disk
            .remove_file(path)
            .map_err(|error| WalError::io("remove", path, error))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), WalError> {
        self.disk
            .sync_dir(&self.path)
            .map_err(|error| WalError::io("sync", &self.path, error))
    }
}

/// The folder's random number; written if the folder is new.
fn identify(env: &Env, folder: &Path, is_new: bool) -> Result<u64, WalError> {
    let path = folder.join(IDENTITY_NAME);
    let file = env
        .disk
        .open(&path, true)
        .map_err(|error| WalError::io("open", &path, error))?;
    let bytes = file
        .len()
        .map_err(|error| WalError::io("measure", &path, error))?;
    if bytes >= IDENTITY_BYTES as u64 {
        let mut identity = [0; IDENTITY_BYTES];
        file.read_exact_at(&mut identity, 0)
            .map_err(|error| WalError::io("read", &path, error))?;
        match decode_identity(&identity) {
            Ok(log) => return Ok(log),
            Err(HeaderError::Version(found)) => return Err(WalError::Version { path, found }),
            Err(HeaderError::Invalid) => {}
        }
    }
    // Segments are made only after the identity is durable.
    if !is_new {
        return Err(WalError::damaged(&path, 0, "it does not say which log this is"));
    }
    let log = env.random.next_u64();
    write_durably(&*file, &path, &encode_identity(log), 0)?;
    env.disk
        .sync_dir(folder)
        .map_err(|error| WalError::io("sync", folder, error))?;
    Ok(log)
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

fn number(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}
