//! Checkpoints in sled 0.34.
//!
//! Each rule here comes from a failure that was seen:
//! - `flush`, never `flush_async`, which deadlocks with eight or more callers; and after `flush` a
//!   sync of sled's files, because on Linux it ends in `sync_file_range` (`files.rs`).
//! - The rows and the header, and with it the applied index, change in one atomic step; but that is never one
//!   batch of sled's, which would take many times its size in memory (`steps.rs`, `undo.rs`).
//! - Each value carries a CRC-32C of its key and itself (`row.rs`).
//! - What cannot be opened or verified is given up, and reported as missing.
//!
//! What the keys are is said in `row.rs`. Each generation of the database has a folder of its own,
//! `sled-1`, `sled-2` and so on: giving up a damaged one is beginning the next, and the old folder
//! goes at the next start.
//!
//! sled opens and writes real files by itself, so that this store takes no `Disk` and is of no use
//! in simulation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parking_lot::Mutex;

use self::database::Database;
use self::trouble::Trouble;
use super::{Checkpoint, Store, StoreError};
use crate::machine::Delta;
use crate::types::GroupId;

mod database;
mod files;
mod generations;
mod read;
mod row;
mod stage;
mod steps;
mod trouble;
mod undo;
mod write;

/// Bounds of what is given to sled at once.
#[derive(Clone, Copy, Debug)]
pub struct SledOptions {
    /// Bytes of a step, and of what undoing it takes; at least one row, whatever its size.
    pub step_bytes: usize,
    /// Rows that a step changes.
    pub step_rows: usize,
    /// For tests: after so many steps the store fails, as if the node had died.
    pub steps_max: Option<u64>,
}

impl Default for SledOptions {
    fn default() -> SledOptions {
        SledOptions {
            step_bytes: 256 * 1024,
            step_rows: 128,
            steps_max: None,
        }
    }
}

/// Checkpoints in sled.
pub struct SledStore {
    path: PathBuf,
    options: SledOptions,
    state: Mutex<State>,
}

struct State {
    database: Database,
    /// The first failure of the disk: nothing is tried after it.
    failed: Option<String>,
}

impl SledStore {
    /// Opens the checkpoints in a folder, making it if need be. A damaged database is given up,
    /// with a warning. Blocks on the disk.
    pub fn open(path: &Path, options: SledOptions) -> Result<SledStore, StoreError> {
        let database = Database::open_newest(path, options)?;
        let failed = None;
        Ok(SledStore {
            options,
            state: Mutex::new(State { database, failed }),
            path: path.to_owned(),
        })
    }

    /// Runs `body` unless the disk has failed before. None: the database was damaged, and is empty now.
    fn run<T>(
        &self,
        body: impl FnOnce(&mut Database) -> Result<T, Trouble>,
    ) -> Result<Option<T>, StoreError> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.failed {
            return Err(StoreError::Failed(reason.clone()));
        }
        let database = &mut state.database;
        let outcome = catch_unwind(AssertUnwindSafe(|| body(database)));
        let failure = match outcome.unwrap_or_else(|_| Err(Trouble::panicked())) {
            Ok(value) => return Ok(Some(value)),
            Err(Trouble::Refused(error)) => return Err(error),
            Err(Trouble::Disk(reason)) => reason,
            Err(Trouble::Damaged(reason)) => {
                tracing::warn!(%reason, "the checkpoints are damaged: going on without any");
                match state.database.successor(&self.path, self.options) {
                    Ok(empty) => {
                        state.database = empty;
                        return Ok(None);
                    }
                    Err(error) => error.to_string(),
                }
            }
        };
        tracing::error!(reason = %failure, "the checkpoint store has failed");
        state.failed = Some(failure.clone());
        Err(StoreError::Failed(failure))
    }
}

impl Store for SledStore {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        let checkpoint = self.run(|database| database.load(group))?;
        Ok(checkpoint.flatten())
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        let written = self.run(|database| database.write(group, header, delta))?;
        written.ok_or(StoreError::NoBase(group))
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        let staged = self.run(|database| database.stage(group, part))?;
        staged.ok_or(StoreError::NotStaged(group))
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let staged = self.run(|database| database.staged(group))?;
        staged.ok_or(StoreError::NotStaged(group))
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        let committed = self.run(|database| database.commit(group, &header))?;
        committed.ok_or(StoreError::NotStaged(group))
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.run(|database| database.unstage(group))?;
        Ok(())
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.run(|database| database.forget(group))?;
        Ok(())
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        let groups = self.run(|database| database.groups())?;
        Ok(groups.unwrap_or_default())
    }
}
