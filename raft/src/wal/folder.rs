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
use super::spares::{Maker, NEW_SUFFIX, RESERVE_FILES, SPARE_SUFFIX, Spares};
use crate::env::{Disk, DiskFile, Env, is_no_space};
use crate::planted::{Bug, planted};

/// Files kept for reuse beyond the prepared one; more are removed, so that a burst gives its space back.
const FREE_FILES_MAX: usize = 4;
/// How long the first segment of a log is at most.
const FIRST_BYTES_MAX: u64 = 8 * 1024 * 1024;
const IDENTITY_NAME: &str = "wal.id";
const LOCK_NAME: &str = "LOCK";
const SEGMENT_SUFFIX: &str = "wal";

/// How much a segment is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Soon: a file that is there already will do, if it is not of the reserve.
    Later,
    /// Nothing can be written without it.
    Now,
}

/// The folder.
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    log: u64,
    segment_bytes: u64,
    next_name: u64,
    manifest: Manifest,
    /// What segments have left, the longest unused first.
    free: VecDeque<FreeFile>,
    spares: Arc<Spares>,
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
        let files: Vec<PathBuf> = with_suffix(&names, SEGMENT_SUFFIX).cloned().collect();
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
            spares: Arc::new(find_spares(&*env.disk, &names, segment_bytes)?),
            _lock: lock,
        };
        folder.spares.set_recycled(folder.free.len());
        // The names that were found may be in memory only.
        folder.sync()?;
        Ok((folder, found.segments))
    }

    /// Makes a file ready to be segment `sequence`: once this returns, its header is durable, and the
    /// manifest knows of it. None if no file is to be had: `need` says which ones may be taken.
    pub(super) fn prepare(&mut self, sequence: u64, need: Need) -> Result<Option<Segment>, WalError> {
        let Some(file) = self.take(need)? else {
            return Ok(None);
        };
        self.give_sequence(file, sequence).map(Some)
    }

    /// Makes the first segment of an empty log. It is short, so that it can be filled with zeros at
    /// once: see `spares.rs`.
    pub(super) fn prepare_first(&mut self, sequence: u64) -> Result<Segment, WalError> {
        let file = self.create(self.first_bytes())?;
        let zeros = vec![0; file.bytes as usize];
        write_durably(&*file.file, &file.path, &zeros, 0)?;
        self.give_sequence(file, sequence)
    }

    fn give_sequence(&mut self, file: FreeFile, sequence: u64) -> Result<Segment, WalError> {
        let bytes = file.bytes;
        let segment = file.into_segment(self.log, sequence, bytes)?;
        self.manifest.prepare(sequence)?;
        Ok(segment)
    }

    fn take(&mut self, need: Need) -> Result<Option<FreeFile>, WalError> {
        if self.spares.available() > RESERVE_FILES
            && let Some(file) = self.take_made()?
        {
            return Ok(Some(file));
        }
        if need == Need::Later {
            return Ok(None);
        }
        match self.create(self.segment_bytes) {
            Ok(file) => Ok(Some(file)),
            Err(WalError::Io { source, .. }) if is_no_space(&source) => {
                self.spares.set_disk_full(true);
                self.take_made()
            }
            Err(error) => Err(error),
        }
    }

    /// A file that is there already: one that a segment has left, or a spare.
    fn take_made(&mut self) -> Result<Option<FreeFile>, WalError> {
        while let Some(free) = self.free.pop_front() {
            self.spares.set_recycled(self.free.len());
            // Of another size: made under another configuration, or cut off.
            if free.bytes == self.segment_bytes {
                return Ok(Some(free));
            }
            self.remove(&free.path)?;
        }
        let Some(spare) = self.spares.take() else {
            return Ok(None);
        };
        let path = self.new_path();
        self.disk
            .rename(&spare.path, &path)
            .map_err(|error| WalError::io("rename", &spare.path, error))?;
        self.sync()?;
        // A handle need not follow its file to another name: the simulated disk's do not.
        let file = self
            .disk
            .open(&path, false)
            .map_err(|error| WalError::io("open", &path, error))?;
        let bytes = spare.bytes;
        Ok(Some(FreeFile { path, file, bytes }))
    }

    /// A new file whose space is reserved. If there is none, nothing is left of it.
    fn create(&mut self, bytes: u64) -> Result<FreeFile, WalError> {
        let path = self.new_path();
        let file = self
            .disk
            .open(&path, true)
            .map_err(|error| WalError::io("create", &path, error))?;
        if let Err(error) = file.allocate(bytes) {
            if is_no_space(&error) {
                self.remove(&path)?;
            }
            return Err(WalError::io("reserve space for", &path, error));
        }
        self.sync()?;
        Ok(FreeFile { path, file, bytes })
    }

    fn new_path(&mut self) -> PathBuf {
        let path = self.path.join(format!("{:08}.{SEGMENT_SUFFIX}", self.next_name));
        self.next_name += 1;
        path
    }

    fn first_bytes(&self) -> u64 {
        self.segment_bytes.min(FIRST_BYTES_MAX)
    }

    /// The newest batch that is known to be durable; 0 before the first.
    pub(super) fn sealed(&self) -> u64 {
        self.manifest.sealed()
    }

    /// Notes that batch `sealed` is durable: from now on a recovery misses it. Durable when it returns.
    pub(super) fn seal(&mut self, sealed: u64) -> Result<(), WalError> {
        self.manifest.seal(sealed)
    }

    /// The files that are made ahead.
    pub(super) fn spares(&self) -> &Arc<Spares> {
        &self.spares
    }

    /// Who makes them.
    pub(super) fn maker(&self) -> Maker {
        let spares = self.spares.clone();
        let next_name = spares.last_name(number).map_or(1, |name| name + 1);
        let (disk, path) = (self.disk.clone(), self.path.clone());
        Maker::new(spares, disk, path, self.segment_bytes, next_name)
    }

    /// The folder's number, which all its files name.
    pub(super) fn log(&self) -> u64 {
        self.log
    }

    /// Whether the segment has a size that new ones get.
    pub(super) fn has_current_size(&self, segment: &Segment) -> bool {
        segment.capacity == self.segment_bytes || segment.capacity == self.first_bytes()
    }

    /// Removes an empty segment that was made under another configuration.
    pub(super) fn discard(&mut self, segment: &Segment) -> Result<(), WalError> {
        self.manifest.prepare(segment.sequence.saturating_sub(1))?;
        self.remove(&segment.path)
    }

    /// Takes back a segment that no group needs. Oldest first.
    pub(super) fn recycle(&mut self, segment: &Segment) -> Result<(), WalError> {
        self.free.push_back(FreeFile {
            path: segment.path.clone(),
            file: segment.file.clone(),
            bytes: segment.capacity,
        });
        self.spares.set_recycled(self.free.len());
        while self.spares.available() > FREE_FILES_MAX
            && let Some(free) = self.free.pop_front()
        {
            self.spares.set_recycled(self.free.len());
            self.remove(&free.path)?;
        }
        Ok(())
    }

    /// Synced at once: a removed file that came back after a crash would leave a hole in the sequence.
    fn remove(&self, path: &Path) -> Result<(), WalError> {
        remove_file(&*self.disk, path)?;
        self.sync()
    }

    fn sync(&self) -> Result<(), WalError> {
        self.disk
            .sync_dir(&self.path)
            .map_err(|error| WalError::io("sync", &self.path, error))
    }
}

impl Drop for Folder {
    /// Before the lock goes.
    fn drop(&mut self) {
        self.spares.end();
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

fn with_suffix<'a>(names: &'a [PathBuf], suffix: &str) -> impl Iterator<Item = &'a PathBuf> {
    let has_suffix = move |name: &&PathBuf| name.extension().is_some_and(|end| end == suffix);
    names.iter().filter(has_suffix)
}

/// The spares that an earlier life has made. What it was still making, or has made for segments of
/// another size, goes; the caller syncs the folder.
fn find_spares(disk: &dyn Disk, names: &[PathBuf], segment_bytes: u64) -> Result<Spares, WalError> {
    let spares = Spares::default();
    for path in with_suffix(names, SPARE_SUFFIX) {
        let file = disk
            .open(path, false)
            .map_err(|error| WalError::io("open", path, error))?;
        let bytes = file.len().map_err(|error| WalError::io("measure", path, error))?;
        if bytes == segment_bytes && spares.available() <= RESERVE_FILES {
            let path = path.clone();
            spares.add(FreeFile { path, file, bytes });
        } else {
            remove_file(disk, path)?;
        }
    }
    for path in with_suffix(names, NEW_SUFFIX).filter(|path| number(path).is_some()) {
        remove_file(disk, path)?;
    }
    Ok(spares)
}

fn remove_file(disk: &dyn Disk, path: &Path) -> Result<(), WalError> {
    disk.remove_file(path)
        .map_err(|error| WalError::io("remove", path, error))
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
