//! A data folder of before becomes one of today, at the start of the node.
//!
//! Group by group, what sled has is written to files. Each is durable and read back before the next
//! one begins, so that a conversion that is cut short goes on where it was. Once all are there, the
//! sled folder is renamed and then removed. If one group cannot be read, the renamed folder stays:
//! nothing is deleted that has no replacement.
//!
//! A version that keeps checkpoints in sled does not see the files. Started on this folder it
//! begins without checkpoints and asks its peers for the states, so that one node after the other
//! can go back. What it leaves in sled is newer than the files: they are overwritten when this
//! version comes again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::Database;
use super::trouble::Trouble;
use crate::env::Disk;
use crate::machine::{Delta, Row};
use crate::store::{Store, StoreError};

const FOLDER_PREFIX: &str = "sled-";
const CONVERTED_PREFIX: &str = "converted-sled-";
const DAMAGED_PREFIX: &str = "damaged-sled-";

/// Converts what is in the folder of checkpoints, if anything is. Blocks on the disk.
///
/// # Errors
/// If the folder cannot be read or written, or is of a newer version. It can be tried again.
pub fn convert(disk: &dyn Disk, folder: &Path, store: &dyn Store) -> Result<(), StoreError> {
    let opening = |reason: String| StoreError::Open {
        path: folder.to_owned(),
        reason,
    };
    let refuse = |error: io::Error| opening(error.to_string());
    let found = disk.list(folder).map_err(refuse)?;
    for done in found
        .iter()
        .filter(|path| number(path, CONVERTED_PREFIX).is_some())
    {
        disk.remove_dir_all(done).map_err(refuse)?;
    }
    let numbers = || found.iter().filter_map(|path| number(path, FOLDER_PREFIX));
    let Some(newest) = numbers().max() else {
        return Ok(());
    };
    let database = sled_folder(folder, newest);
    tracing::info!(folder = %database.display(), "the checkpoints are converted from sled to files");
    let is_whole = match read_all(&database, store) {
        Ok(is_whole) => is_whole,
        Err(Trouble::Refused(error)) => return Err(error),
        Err(Trouble::Disk(reason)) => return Err(opening(reason)),
        Err(Trouble::Damaged(reason)) => {
            tracing::error!(folder = %database.display(), reason, "the checkpoints in sled are damaged");
            false
        }
    };
    for number in numbers() {
        let prefix = if is_whole {
            CONVERTED_PREFIX
        } else {
            DAMAGED_PREFIX
        };
        let kept = folder.join(format!("{prefix}{number}"));
        disk.rename(&sled_folder(folder, number), &kept).map_err(refuse)?;
        disk.sync_dir(folder).map_err(refuse)?;
        match is_whole {
            true => disk.remove_dir_all(&kept).map_err(refuse)?,
            false => tracing::error!(folder = %kept.display(), "what could not be converted is kept"),
        }
    }
    Ok(())
}

/// Whether all groups of the database have a checkpoint in the store now.
fn read_all(database: &Path, store: &dyn Store) -> Result<bool, Trouble> {
    let database = Database::open(database)?;
    let mut is_whole = true;
    for group in database.groups()? {
        let read = catch_unwind(AssertUnwindSafe(|| database.load(group)));
        match read.unwrap_or_else(|_| Err(Trouble::Damaged("sled has panicked".into()))) {
            // It was converted before.
            Ok(checkpoint) if store.load(group).map_err(Trouble::Refused)?.as_ref() == Some(&checkpoint) => {}
            Ok(checkpoint) => {
                let rows = checkpoint.rows.into_iter().map(Row::from).collect();
                let written = store.write(group, checkpoint.header, Delta::whole(rows));
                written.map_err(Trouble::Refused)?;
            }
            Err(Trouble::Damaged(reason)) => {
                tracing::error!(%group, reason, "a checkpoint in sled is damaged and is not converted");
                is_whole = false;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(is_whole)
}

fn sled_folder(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{FOLDER_PREFIX}{number}"))
}

fn number(path: &Path, prefix: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(prefix)?.parse().ok()
}
