//! Files for new segments, made ahead of their use by a worker of their own.
//!
//! A spare is as long as a segment and full of zeros that were *written*. A sync of a file whose
//! space is only reserved commits the file system's journal, which costs several times the bytes of
//! a small batch. A sync of a file that was written before does not. Files that segments have left
//! are as good, and are used first.
//!
//! ```text
//! 00000007.new     in the making; removed at the next opening
//! 00000007.spare   whole; renamed to 00000007.wal when it becomes a segment
//! ```
//!
//! The last [`RESERVE_FILES`] are for emergencies: the writer takes them when it must go on to
//! another segment and the disk has no space for one. That gives receives, deletes and purges the
//! room they need to free some. A disk without space is no failure here: the worker tries again at
//! the next [`super::Wal::tend`]. Any other error ends the log, once the writer sees it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::error::WalError;
use super::found::FreeFile;
use crate::env::{Disk, DiskFile, is_no_space};

/// Files that only an emergency may use.
pub(super) const RESERVE_FILES: usize = 2;
pub(super) const SPARE_SUFFIX: &str = "spare";
pub(super) const NEW_SUFFIX: &str = "new";

/// Zeros that are written without waiting for the disk: more would keep the log waiting for it.
const UNSYNCED_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Zeros that one step writes at most.
const STEP_BYTES_MAX: u64 = 1024 * 1024;
/// Zeros that one step may always write.
const STEP_BYTES_MIN: u64 = 64 * 1024;
/// Zeros that are written in a second at most, so that they do not slow the log.
const BYTES_PER_SECOND: u64 = 32 * 1024 * 1024;

/// What the worker, the writer and the log's handle share.
#[derive(Default)]
pub(super) struct Spares {
    files: Mutex<VecDeque<FreeFile>>,
    /// Files that segments have left, and that the writer holds.
    recycled: AtomicUsize,
    /// The last attempt to make a file found no space.
    is_disk_full: AtomicBool,
    failure: Mutex<Option<WalError>>,
    /// Held during each step of the worker; set once the folder is another process's to take.
    has_ended: Mutex<bool>,
}

impl Spares {
    /// Whether more files should be made.
    pub(super) fn are_wanted(&self) -> bool {
        self.available() <= RESERVE_FILES
    }

    /// Files that can become segments at once.
    pub(super) fn available(&self) -> usize {
        self.files.lock().len() + self.recycled.load(Ordering::Relaxed)
    }

    pub(super) fn set_recycled(&self, files: usize) {
        self.recycled.store(files, Ordering::Relaxed);
    }

    pub(super) fn is_disk_full(&self) -> bool {
        self.is_disk_full.load(Ordering::Relaxed)
    }

    pub(super) fn set_disk_full(&self, is_full: bool) {
        if self.is_disk_full.swap(is_full, Ordering::Relaxed) != is_full {
            if is_full {
                tracing::warn!("the disk has no space for another segment of the write-ahead log");
            } else {
                tracing::info!("the disk has space for segments of the write-ahead log again");
            }
        }
    }

    pub(super) fn add(&self, file: FreeFile) {
        self.files.lock().push_back(file);
    }

    pub(super) fn take(&self) -> Option<FreeFile> {
        self.files.lock().pop_front()
    }

    /// The highest number in a name, as `number` reads it.
    pub(super) fn last_name(&self, number: fn(&Path) -> Option<u64>) -> Option<u64> {
        let files = self.files.lock();
        files.iter().filter_map(|file| number(&file.path)).max()
    }

    /// Ends the worker: it changes nothing any more once this returns.
    pub(super) fn end(&self) {
        *self.has_ended.lock() = true;
    }

    /// What ended the worker, if anything did.
    pub(super) fn failure(&self) -> Option<WalError> {
        self.failure.lock().clone()
    }
}

/// A file in the making.
struct Making {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    zeroed: u64,
    /// So many of these bytes may not be on the disk yet.
    unsynced: u64,
}

impl Making {
    fn sync(&mut self) -> Result<(), WalError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| WalError::io("sync", &self.path, error))?;
        self.unsynced = 0;
        Ok(())
    }
}

/// Makes spares; each step does a little.
pub(super) struct Maker {
    spares: Arc<Spares>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes: u64,
    /// The number in the next name; no file has it that is there already.
    next_name: u64,
    making: Option<Making>,
    last_step: Instant,
}

impl Maker {
    pub(super) fn new(
        spares: Arc<Spares>,
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
        next_name: u64,
    ) -> Maker {
        Maker {
            spares,
            disk,
            folder,
            segment_bytes,
            next_name,
            making: None,
            last_step: Instant::now(),
        }
    }

    /// Writes some zeros, if files are wanted.
    pub(super) fn step(&mut self) {
        let spares = self.spares.clone();
        let has_ended = spares.has_ended.lock();
        if *has_ended || spares.failure().is_some() {
            return;
        }
        if self.making.is_none() && !self.spares.are_wanted() {
            self.spares.set_disk_full(false);
            return;
        }
        if let Err(error) = self.make() {
            *self.spares.failure.lock() = Some(error);
        }
    }

    fn make(&mut self) -> Result<(), WalError> {
        if self.making.is_none() && !self.begin()? {
            return Ok(());
        }
        let elapsed = std::mem::replace(&mut self.last_step, Instant::now()).elapsed();
        let Some(making) = &mut self.making else {
            return Ok(());
        };
        let end = making.zeroed + step_bytes(elapsed);
        let end = end.min(self.segment_bytes);
        let zeros = vec![0; (end - making.zeroed) as usize];
        match making.file.write_all_at(&zeros, making.zeroed) {
            Ok(()) => {
                making.unsynced += end - making.zeroed;
                making.zeroed = end;
            }
            Err(error) if is_no_space(&error) => return self.give_up(),
            Err(error) => return Err(WalError::io("write", &making.path, error)),
        }
        if making.unsynced >= UNSYNCED_BYTES_MAX {
            making.sync()?;
        }
        if end == self.segment_bytes {
            self.finish()?;
        }
        Ok(())
    }

    /// False if there is no space.
    fn begin(&mut self) -> Result<bool, WalError> {
        let path = self.folder.join(format!("{:08}.{NEW_SUFFIX}", self.next_name));
        self.next_name += 1;
        let file = match self.disk.open(&path, true) {
            Ok(file) => file,
            Err(error) if is_no_space(&error) => {
                self.spares.set_disk_full(true);
                return Ok(false);
            }
            Err(error) => return Err(WalError::io("create", &path, error)),
        };
        let reserved = file.allocate(self.segment_bytes);
        self.making = Some(Making {
            path: path.clone(),
            file,
            zeroed: 0,
            unsynced: 0,
        });
        match reserved {
            Ok(()) => Ok(true),
            Err(error) if is_no_space(&error) => self.give_up().map(|()| false),
            Err(error) => Err(WalError::io("reserve space for", &path, error)),
        }
    }

    /// Gives back what the file in the making has taken.
    fn give_up(&mut self) -> Result<(), WalError> {
        self.spares.set_disk_full(true);
        let Some(making) = self.making.take() else {
            return Ok(());
        };
        self.disk
            .remove_file(&making.path)
            .map_err(|error| WalError::io("remove", &making.path, error))
    }

    fn finish(&mut self) -> Result<(), WalError> {
        let Some(mut making) = self.making.take() else {
            return Ok(());
        };
        making.sync()?;
        let Making { path: new, file, .. } = making;
        let path = new.with_extension(SPARE_SUFFIX);
        self.disk
            .rename(&new, &path)
            .map_err(|error| WalError::io("rename", &new, error))?;
        self.spares.set_disk_full(false);
        self.spares.add(FreeFile {
            path,
            file,
            bytes: self.segment_bytes,
        });
        Ok(())
    }
}

fn step_bytes(elapsed: Duration) -> u64 {
    let allowed = elapsed.as_micros() * u128::from(BYTES_PER_SECOND) / 1_000_000;
    let allowed = u64::try_from(allowed).unwrap_or(u64::MAX);
    allowed.clamp(STEP_BYTES_MIN, STEP_BYTES_MAX)
}
