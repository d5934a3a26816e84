//! Files of letters: `letters/<group>/<number>`.
//!
//! A file begins with 16 bytes: 8 of magic, its format's version, and the CRC-32C of these twelve (u32 each, little-endian). After that
//! there are only chunks, which rows point into.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::env::{Disk, DiskFile};
use crate::store::StoreError;
use crate::types::GroupId;

const MAGIC: [u8; 8] = *b"MRLETTER";
const VERSION: u32 = 1;
/// Where the first chunk begins.
pub(super) const START: u64 = 16;

/// The folder of a group.
pub(super) fn folder(folder: &Path, group: GroupId) -> PathBuf {
    folder.join(group.0.to_string())
}

/// The path of a file.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(number.to_string())
}

/// Makes a new file in a folder. None if there is one of that number after all: a file whose folder was not synced before the power
/// went may be there without having been listed.
pub(super) fn create(
    disk: &dyn Disk,
    folder: &Path,
    number: u64,
) -> Result<Option<Arc<dyn DiskFile>>, StoreError> {
    let made = || {
        disk.create_dir_all(folder)?;
        let file = disk.open(&path(folder, number), true)?;
        if !file.is_empty()? {
            return Ok(None);
        }
        file.write_all_at(&head(), 0)?;
        file.sync_data()?;
        disk.sync_dir(folder)?;
        if let Some(parent) = folder.parent() {
            disk.sync_dir(parent)?;
        }
        Ok(Some(file))
    };
    made().map_err(failed)
}

fn head() -> [u8; START as usize] {
    let mut head = [0; START as usize];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let checksum = crc32c::crc32c(&head[..12]);
    head[12..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// Opens a file that a row names.
pub(super) fn open(disk: &dyn Disk, folder: &Path, number: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
    let path = path(folder, number);
    let file = disk.open(&path, false).map_err(unreadable)?;
    let mut head = [0; START as usize];
    file.read_exact_at(&mut head, 0).map_err(unreadable)?;
    let version = u32::from_le_bytes(head[8..12].try_into().expect("four bytes"));
    let checksum = u32::from_le_bytes(head[12..].try_into().expect("four bytes"));
    if head[..8] != MAGIC || checksum != crc32c::crc32c(&head[..12]) {
        return Err(StoreError::Unreadable(format!(
            "{} is no file of letters",
            path.display()
        )));
    }
    if version != VERSION {
        let wrong = match version > VERSION {
            true => StoreError::TooNew,
            false => StoreError::TooOld,
        };
        return Err(wrong(format!(
            "{} has version {version} of letter files, and this build reads {VERSION}",
            path.display()
        )));
    }
    Ok(file)
}

/// The numbers of the files in a folder; none if there is no folder.
pub(super) fn numbers(disk: &dyn Disk, folder: &Path) -> Result<Vec<u64>, StoreError> {
    let paths = list(disk, folder)?;
    let numbers = paths.iter().filter_map(|path| number(path));
    Ok(numbers.collect())
}

fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match disk.list(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(failed),
    }
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove(disk: &dyn Disk, folder: &Path, number: u64) -> Result<(), StoreError> {
    match disk.remove_file(&path(folder, number)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Removes all files of a folder.
pub(super) fn remove_all(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    let numbers = numbers(disk, folder)?;
    numbers
        .into_iter()
        .try_for_each(|number| remove(disk, folder, number))
}

/// Removes the files of all groups but these.
pub(super) fn remove_strangers(disk: &dyn Disk, all: &Path, known: &[GroupId]) -> Result<(), StoreError> {
    for path in list(disk, all)? {
        if number(&path).is_some_and(|group| !known.contains(&GroupId(group))) {
            remove_all(disk, &path)?;
        }
    }
    Ok(())
}

/// Makes the folder of all groups, durably.
pub(super) fn prepare(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    disk.create_dir_all(folder).map_err(failed)?;
    match folder.parent() {
        Some(parent) => disk.sync_dir(parent).map_err(failed),
        None => Ok(()),
    }
}

/// What cannot be read: damage if there is something else, or nothing, where it was written; or else a fault of the disk, or
/// of this process, which says nothing about the letters.
pub(in crate::store) fn unreadable(error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            StoreError::Unreadable(error.to_string())
        }
        _ => StoreError::Reading(error.to_string()),
    }
}

pub(in crate::store) fn failed(error: std::io::Error) -> StoreError {
    StoreError::of_write("a file of letters", &error)
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}
