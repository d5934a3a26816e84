//! The log's folder and its files: identity, manifest, segments in use, and files waiting for another life.
//!
//! A file keeps its name for ever; what it holds is said by its header. Files are reused in the
//! order in which they fell free, so that the sequence numbers found on disk never have a hole.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WalError;
use super::format::{HeaderError, IDENTITY_BYTES, decode_identity, encode_identity};
use super::found::{Found, FreeFile};
use super::manifest::Manifest;
use super::segment::Segment;
use crate::env::{Disk, DiskFile, Env};
use crate::planted::{Bug, planted};

/// Files kept for reuse beyond the prepared one; more are removed, so that a burst gives its space back.
const FREE_FILES_MAX: usize = 4;
const IDENTITY_NAME: &str = "wal.id";
const LOCK_NAME: &str = "LOCK";
const SEGMENT_SUFFIX: &str = "wal";

/// The folder.
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    log: u64,
    segment_bytes: u64,
    next_name: u64,
    manifest: Manifest,
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
        let found = Found::read(&*disk, log, files)?;
        let newest = found.segments.last().map_or(0, |segment| segment.sequence);
        let manifest = match Manifest::read(&*disk, path, log)? {
            Some(manifest) if newest < manifest.prepared() => {
                return Err(WalError::Missing {
                    folder: path.to_owned(),
                    prepared: manifest.prepared(),
                    found: newest,
                });
            }
            Some(manifest) => manifest,
            None => Manifest::create(&*disk, path, log, newest)?,
        };
        let folder = Folder {
            disk,
            path: path.to_owned(),
            log,
            segment_bytes,
            next_name: last_name.map_or(1, |name| name + 1),
            manifest,
            free: found.free,
            _lock: lock,
        };
        // The names that were found may be in memory only.
        folder.sync()?;
        Ok((folder, found.segments))
    }

    /// Makes a file ready to be segment `sequence`: once this returns, its header is durable, and the
    /// manifest knows of it.
    pub(super) fn prepare(&mut self, sequence: u64) -> Result<Segment, WalError> {
        let free = self.take_free()?;
        let segment = free.into_segment(self.log, sequence, self.segment_bytes)?;
        self.manifest.prepare(sequence)?;
        Ok(segment)
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

    /// The newest batch that is known to be durable; 0 before the first.
    pub(super) fn sealed(&self) -> u64 {
        self.manifest.sealed()
    }

    /// Notes that batch `sealed` is durable: from now on a recovery misses it. Durable when it returns.
    pub(super) fn seal(&mut self, sealed: u64) -> Result<(), WalError> {
        self.manifest.seal(sealed)
    }

    /// The folder's number, which all its files name.
    pub(super) fn log(&self) -> u64 {
        self.log
    }

    /// Whether the segment has the size that new ones get.
    pub(super) fn has_current_size(&self, segment: &Segment) -> bool {
        segment.capacity == self.segment_bytes
    }

    /// Removes an empty segment that was made under another configuration.
    pub(super) fn discard(&mut self, segment: &Segment) -> Result<(), WalError> {
        self.manifest.prepare(segment.sequence - 1)?;
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
            // It may be in the page cache only, from a life that ended before the sync.
            Ok(log) if planted(Bug::CacheTrusted) => return Ok(log),
            Ok(log) => {
                write_durably(&*file, &path, &identity, 0)?;
                return Ok(log);
            }
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

fn write_durably(file: &dyn DiskFile, path: &Path, bytes: &[u8], offset: u64) -> Result<(), WalError> {
    file.write_all_at(bytes, offset)
        .map_err(|error| WalError::io("write", path, error))?;
    file.sync_data()
        .map_err(|error| WalError::io("sync", path, error))
}

fn number(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}
