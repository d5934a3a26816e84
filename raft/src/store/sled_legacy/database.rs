//! One generation of the database: opening it, its version, and making it durable.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::SledOptions;
use super::files::Files;
use super::generations::folder;
use super::row::{seal, unseal};
use super::steps::Steps;
use super::trouble::Trouble;
use crate::env::Disk;
use crate::env::real::StdDisk;
use crate::store::StoreError;
use crate::types::GroupId;

/// The version in each database's version row. Version 1 had neither undo rows nor a side B; what it wrote
/// is read as it is.
const FORMAT_VERSION: u32 = 2;
/// Shorter than the keys of any group.
const VERSION_KEY: &[u8] = b"version";
/// sled's page cache. Checkpoints are written and seldom read, so that it need not be large.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) struct Database {
    pub(super) generation: u64,
    pub(super) sled: sled::Db,
    pub(super) steps: Steps,
    /// Groups of which a whole state is being put together on the side that does not count.
    pub(super) staged: BTreeSet<GroupId>,
    files: Files,
}

/// How long a lock that a dropped database still holds is waited for.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

impl Database {
    pub(super) fn open(path: &Path, generation: u64, options: SledOptions) -> Result<Database, Trouble> {
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
            steps: Steps::new(sled.clone(), options),
            sled,
            staged: BTreeSet::new(),
            files: Files::new(folder),
        };
        database.check_version(path)?;
        database.remove_headless()?;
        StdDisk.sync_dir(path)?;
        Ok(database)
    }

    fn check_version(&mut self, path: &Path) -> Result<(), Trouble> {
        match self.sled.get(VERSION_KEY)? {
            Some(sealed) => {
                let version = unseal(VERSION_KEY, &sealed);
                let version = version.and_then(|bytes| bytes.as_ref().try_into().ok());
                match version.map(u32::from_le_bytes) {
                    None => return Err(Trouble::Damaged("the version row is damaged".into())),
                    Some(found) if found > FORMAT_VERSION => {
                        return Err(Trouble::Refused(StoreError::Version {
                            path: path.to_owned(),
                            found,
                            known: FORMAT_VERSION,
                        }));
                    }
                    Some(FORMAT_VERSION) => return Ok(()),
                    Some(_) => {}
                }
            }
            None if !self.sled.is_empty() => {
                return Err(Trouble::Damaged("the version row is missing".into()));
            }
            None => {}
        }
        let version = seal(VERSION_KEY, &FORMAT_VERSION.to_le_bytes());
        self.sled.insert(VERSION_KEY, version)?;
        self.make_durable()
    }

    /// Removes what is left of groups that were being forgotten, or written for the first time, when the node
    /// died: nobody may ever ask for them again.
    fn remove_headless(&mut self) -> Result<(), Trouble> {
        let mut headless = Vec::new();
        self.each_group(|group, has_header| {
            if !has_header {
                headless.push(group);
            }
        })?;
        for group in headless {
            self.remove_group(group)?;
        }
        Ok(())
    }

    pub(super) fn make_durable(&mut self) -> Result<(), Trouble> {
        self.steps.flush()?;
        // A failure to sync is the disk's, whatever its kind.
        let synced = self.files.sync();
        synced.map_err(|error| Trouble::Disk(error.to_string()))
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
