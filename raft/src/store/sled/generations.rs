//! The database's folders: each generation has one, and the newest counts.

use std::path::{Path, PathBuf};

use super::SledOptions;
use super::database::Database;
use super::trouble::Trouble;
use crate::env::Disk;
use crate::env::real::StdDisk;
use crate::store::StoreError;

const FOLDER_PREFIX: &str = "sled-";

impl Database {
    /// Opens the newest generation, or begins the next one if it is damaged; removes the older ones.
    pub(super) fn open_newest(path: &Path, options: SledOptions) -> Result<Database, StoreError> {
        let refuse = |error: std::io::Error| StoreError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        StdDisk.create_dir_all(path).map_err(refuse)?;
        let found = StdDisk.list(path).map_err(refuse)?;
        let generations = || found.iter().filter_map(|folder| generation(folder));
        let newest = generations().max().unwrap_or(1);
        let database = match Database::open(path, newest, options) {
            Ok(database) => Ok(database),
            Err(Trouble::Damaged(reason)) => {
                tracing::warn!(%reason, path = %path.display(), "the checkpoints are damaged: beginning without any");
                Database::open(path, newest + 1, options)
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
    pub(super) fn successor(&self, path: &Path, options: SledOptions) -> Result<Database, StoreError> {
        Database::open(path, self.generation + 1, options).map_err(|trouble| opening(path, trouble))
    }
}

pub(super) fn folder(path: &Path, generation: u64) -> PathBuf {
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
