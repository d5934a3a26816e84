//! One generation of the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sled::Batch;

use super::files::Files;
use super::row::{group_of, header_key, key, row_of, seal, unseal};
use super::trouble::Trouble;
use crate::env::Disk;
use crate::env::real::StdDisk;
use crate::machine::Delta;
use crate::store::{Checkpoint, StoreError};
use crate::types::GroupId;

/// The version in each database's version row. An older one would be read; there is none yet.
const FORMAT_VERSION: u32 = 1;
/// Shorter than the keys of any group.
const VERSION_KEY: &[u8] = b"version";
/// sled's page cache. Checkpoints are written and seldom read, so that it need not be large.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const FOLDER_PREFIX: &str = "sled-";

pub(super) struct Database {
    generation: u64,
    sled: sled::Db,
    files: Files,
}

/// How long a lock that a dropped database still holds is waited for.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

impl Database {
    /// Opens the newest generation, or begins the next one if it is damaged; removes the older ones.
    pub(super) fn open_newest(path: &Path) -> Result<Database, StoreError> {
        let refuse = |error: std::io::Error| StoreError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        StdDisk.create_dir_all(path).map_err(refuse)?;
        let found = StdDisk.list(path).map_err(refuse)?;
        let generations = || found.iter().filter_map(|folder| generation(folder));
        let newest = generations().max().unwrap_or(1);
        let database = match Database::open(path, newest) {
            Ok(database) => Ok(database),
            Err(Trouble::Damaged(reason)) => {
                tracing::warn!(%reason, path = %path.display(), "the checkpoints are damaged: beginning without any");
                Database::open(path, newest + 1)
            }
            Err(other) => Err(other),
        };
        let database = database.map_err(|trouble| opening(path, trouble))?;
        for old in generations().filter(|old| *old < newest) {
            if let Err(error) = std::fs::remove_dir_all(folder(path, old)) {
                tracing::warn!(%error, generation = old, "damaged checkpoints cannot be removed");
            }
        }
        Ok(database)
    }

    /// An empty database to go on with. The damaged one's folder stays until the next start,
    /// because sled's own threads may still write to it.
    pub(super) fn successor(&self, path: &Path) -> Result<Database, StoreError> {
        Database::open(path, self.generation + 1).map_err(|trouble| opening(path, trouble))
    }

    fn open(path: &Path, generation: u64) -> Result<Database, Trouble> {
        let folder = folder(path, generation);
        let config = sled::Config::new()
            .path(&folder)
            .cache_capacity(CACHE_BYTES)
            // Its background flusher would sync what nobody waits for.
            .flush_every_ms(None);
        let opened = catch_unwind(AssertUnwindSafe(|| open_unlocked(&config)));
        let sled = opened.unwrap_or_else(|_| {
            Err(sled::Error::ReportableBug(
                "sled has panicked while opening".into(),
            ))
        })?;
        let mut database = Database {
            generation,
            sled,
            files: Files::new(folder),
        };
        database.check_version(path)?;
        StdDisk.sync_dir(path)?;
        Ok(database)
    }

    fn check_version(&mut self, path: &Path) -> Result<(), Trouble> {
        let Some(sealed) = self.sled.get(VERSION_KEY)? else {
            if !self.sled.is_empty() {
                return Err(Trouble::Damaged("the version row is missing".into()));
            }
            let version = seal(VERSION_KEY, &FORMAT_VERSION.to_le_bytes());
            self.sled.insert(VERSION_KEY, version)?;
            return self.make_durable();
        };
        let version = unseal(VERSION_KEY, &sealed);
        let version = version.and_then(|bytes| bytes.as_ref().try_into().ok());
        match version.map(u32::from_le_bytes) {
            None => Err(Trouble::Damaged("the version row is damaged".into())),
            Some(found) if found > FORMAT_VERSION => Err(Trouble::Refused(StoreError::Version {
                path: path.to_owned(),
                found,
                known: FORMAT_VERSION,
            })),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn load(&mut self, group: GroupId) -> Result<Option<Checkpoint>, Trouble> {
        let mut header = None;
        let mut rows = Vec::new();
        for pair in self.sled.scan_prefix(header_key(group)) {
            let (key, sealed) = pair?;
            let Some(value) = unseal(&key, &sealed) else {
                tracing::warn!(%group, "the checkpoint of a group is damaged: going on without it");
                self.forget(group)?;
                return Ok(None);
            };
            match row_of(&key) {
                [] => header = Some(value),
                row => rows.push((Bytes::copy_from_slice(row), value)),
            }
        }
        Ok(header.map(|header| Checkpoint { header, rows }))
    }

    pub(super) fn write(&mut self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), Trouble> {
        let mut batch = Batch::default();
        if delta.clear {
            self.remove_all(group, &mut batch)?;
        } else if !self.sled.contains_key(header_key(group))? {
            return Err(Trouble::Refused(StoreError::NoBase(group)));
        }
        for row in delta.deletes {
            batch.remove(key(group, &row));
        }
        for row in delta.puts {
            let key = key(group, &row.key);
            let sealed = seal(&key, &row.value.encode());
            batch.insert(key, sealed);
        }
        let header_key = header_key(group);
        batch.insert(&header_key, seal(&header_key, &header));
        self.sled.apply_batch(batch)?;
        self.make_durable()
    }

    pub(super) fn forget(&mut self, group: GroupId) -> Result<(), Trouble> {
        let mut batch = Batch::default();
        if self.remove_all(group, &mut batch)? == 0 {
            return Ok(());
        }
        self.sled.apply_batch(batch)?;
        self.make_durable()
    }

    pub(super) fn groups(&mut self) -> Result<Vec<GroupId>, Trouble> {
        let mut groups = Vec::new();
        let mut next = Some(Vec::new());
        // A group's header is the first of its rows, so that one look at each group is enough.
        while let Some(from) = next.take()
            && let Some(pair) = self.sled.range(from..).next()
        {
            let (key, _) = pair?;
            match group_of(&key) {
                Some(group) => {
                    if row_of(&key).is_empty() {
                        groups.push(group);
                    }
                    let after = group.0.checked_add(1).map(GroupId);
                    next = after.map(|after| header_key(after).to_vec());
                }
                None => next = Some([&key, &[0][..]].concat()),
            }
        }
        Ok(groups)
    }

    fn remove_all(&self, group: GroupId, batch: &mut Batch) -> Result<usize, Trouble> {
        let mut count = 0;
        for key in self.sled.scan_prefix(header_key(group)).keys() {
            batch.remove(key?);
            count += 1;
        }
        Ok(count)
    }

    fn make_durable(&mut self) -> Result<(), Trouble> {
        self.sled.flush()?;
        // A failure to sync is the disk's, whatever its kind.
        let synced = self.files.sync();
        synced.map_err(|error| Trouble::Disk(error.to_string()))
    }
}

fn folder(path: &Path, generation: u64) -> PathBuf {
    path.join(format!("{FOLDER_PREFIX}{generation}"))
}

fn generation(folder: &Path) -> Option<u64> {
    let name = folder.file_name()?.to_str()?;
    name.strip_prefix(FOLDER_PREFIX)?.parse().ok()
}

fn opening(path: &Path, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Refused(error) => error,
        Trouble::Damaged(reason) | Trouble::Disk(reason) => StoreError::Open {
            path: path.to_owned(),
            reason,
        },
    }
}

/// Opens the database, with patience for its lock. The folder is this node's alone, by the log's lock;
/// but sled's threads give up their own lock some time after a database was dropped.
fn open_unlocked(config: &sled::Config) -> sled::Result<sled::Db> {
    let begun = std::time::Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error)) if is_locked(&error) && begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// sled wraps the operating system's answer in words.
fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}
