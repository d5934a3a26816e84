//! Files on turmoil's simulated file system: what was not synced is lost, or torn, when power is lost.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use raft::env::{Disk, DiskFile};
use turmoil::fs::shim::std::fs::{self, File, OpenOptions};

use super::Dials;
use crate::rng::Rng;

/// One life of a host's disk: locks do not outlive the process that took them.
pub(super) struct SimDisk {
    locked: Arc<Mutex<BTreeSet<PathBuf>>>,
    dials: Arc<Dials>,
}

impl SimDisk {
    pub(super) fn new(dials: Arc<Dials>) -> SimDisk {
        let locked = Arc::default();
        SimDisk { locked, dials }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .open(path)?;
        let (path, dials) = (path.to_owned(), self.dials.clone());
        Ok(Arc::new(SimFile { path, file, dials }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.dials.change(false)?;
        fs::rename(from, to)?;
        self.dials.pages.lock().rename(from, to);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.dials.change(false)?;
        fs::remove_file(path)?;
        self.dials.pages.lock().remove(path);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.dials.change(false)?;
        wipe(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.dials.change(false)?;
        fs::sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let taken = self
            .locked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned());
        if !taken {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        Ok(Box::new(Lock {
            path: path.to_owned(),
            locked: self.locked.clone(),
        }))
    }
}

struct Lock {
    path: PathBuf,
    locked: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.path);
    }
}

struct SimFile {
    path: PathBuf,
    file: File,
    dials: Arc<Dials>,
}

impl DiskFile for SimFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if offset + buf.len() as u64 > self.len()? {
            self.grow()?;
        }
        let is_of_log = self.is_of_log();
        self.dials.change(is_of_log && offset == SEGMENT_HEADER_BYTES)?;
        if is_of_log {
            let mut pages = self.dials.pages.lock();
            pages.restore(&self.path, offset, buf.len() as u64);
            if self.dials.next_sync_fails() {
                pages.write(&self.path, offset, self.read_up_to(buf.len(), offset)?);
            }
        }
        self.file.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.dials.change(false)?;
        let is_last = self.is_of_log() && self.dials.next_sync_fails();
        if self.is_of_log() {
            self.dials.pages.lock().sync(&self.path, is_last);
        }
        if is_last {
            self.dials.set_next_sync_fails(false);
        }
        if is_last || self.dials.sync_fails() {
            // EIO: after it nobody knows what is on the disk.
            return Err(io::Error::from_raw_os_error(5));
        }
        self.file.sync_data()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if len > self.len()? {
            self.grow()?;
        }
        self.dials.change(false)?;
        self.file.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }
}

impl SimFile {
    fn is_of_log(&self) -> bool {
        self.path.parent().is_some_and(|folder| folder.ends_with("wal"))
    }

    /// What stands in the file, with zeros beyond its end.
    fn read_up_to(&self, bytes: usize, offset: u64) -> io::Result<Vec<u8>> {
        let there = self.len()?.saturating_sub(offset).min(bytes as u64) as usize;
        let mut buffer = vec![0; bytes];
        self.file.read_exact_at(&mut buffer[..there], offset)?;
        Ok(buffer)
    }

    fn grow(&self) -> io::Result<()> {
        if self.dials.disk_is_full() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

/// Where the first batch of a segment stands.
const SEGMENT_HEADER_BYTES: u64 = 4096;

/// How a batch of the log is marked, behind its checksum of four bytes.
const BATCH_MARK: &[u8] = b"MRba";

/// Spoils a sector somewhere in the used part of one of the current host's files, durably. Says what. Not in the last
/// batch of a file: that one could as well be torn, and nobody can tell.
pub(crate) fn damage(folder: &Path, rng: &mut Rng) -> io::Result<String> {
    const SECTOR: usize = 512;
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    files.retain(|file| file.extension().is_some_and(|end| end == "wal"));
    if files.is_empty() {
        return Ok("no file to spoil".to_owned());
    }
    let path = rng.pick(&files).clone();
    let mut bytes = fs::read(&path)?;
    let used = bytes
        .windows(BATCH_MARK.len())
        .rposition(|window| window == BATCH_MARK)
        .map_or(0, |last| last.saturating_sub(4));
    if used <= SECTOR {
        return Ok(format!("{} is empty", path.display()));
    }
    let at = rng.below(used / SECTOR) * SECTOR;
    let end = (at + SECTOR).min(used);
    bytes[at..end].fill_with(|| rng.next() as u8);
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    file.write_all_at(&bytes[at..end], at as u64)?;
    file.sync_data()?;
    Ok(format!("bytes {at}..{end} of {}", path.display()))
}

/// Empties a folder of the current host's disk, durably.
pub(crate) fn wipe(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if fs::metadata(&path)?.is_dir() {
            wipe(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    fs::sync_dir(folder)
}
