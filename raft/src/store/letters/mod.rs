//! Letters of a long backlog, in files of their own beside the rows.
//!
//! A message's letter is written once and read at most once or twice; as a row it would be copied by the database again
//! and again, and would have to be undone. So what is new and large goes, as it is, to the end of a file, and the
//! rows only have, for each *chunk* of neighbouring messages, where it is and which of them are still there.
//!
//! A file is complete on disk before the rows that name it are; what no row names is nobody's, and is removed when the group is
//! loaded. The rows remain what counts: this is a layer over any [`Store`], and a checkpoint is still one
//! atomic step of it.
//!
//! A file goes when none of its messages is left. One of which little is left gives up the rest to the next file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{PutAside, Store, StoreError};
use crate::env::Disk;
use crate::machine::Delta;
use crate::machine::queue::{Chunk, Stored};
use crate::types::GroupId;

mod chunks;
mod delta;
pub(super) mod files;
mod last;
mod shelf;
mod stage;
mod write;

use shelf::Shelf;

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct LettersOptions {
    /// Less than this of new letters at a time stays with the rows: a small queue needs no files.
    pub bytes_min: u64,
    /// Sequences that a chunk spans.
    pub chunk_span: u64,
    /// A file that is as large as this is followed by another one.
    pub file_bytes: u64,
    /// Letters of so many sequences from the first one on stay in memory.
    pub front: u64,
}

impl Default for LettersOptions {
    fn default() -> LettersOptions {
        LettersOptions {
            bytes_min: 4 << 20,
            chunk_span: 1_024,
            file_bytes: 64 << 20,
            front: 16_384,
        }
    }
}

/// A checkpoint as it is loaded.
pub struct Loaded {
    /// What came with the last write.
    pub header: Bytes,
    /// Key and value, in the order of the keys.
    pub rows: Vec<(Bytes, Bytes)>,
    /// The messages whose letters are in files.
    pub chunks: Vec<Chunk>,
}

/// Checkpoints, with letters in files. Calls block.
pub struct LetterStore {
    rows: Arc<dyn Store>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    options: LettersOptions,
    shelves: Mutex<BTreeMap<GroupId, Shelf>>,
    /// Of states that are being put together.
    staged: Mutex<BTreeMap<GroupId, Shelf>>,
}

impl LetterStore {
    /// Over a store of rows, with files in a folder. Removes the files of groups that have no checkpoint,
    /// not even one that was put aside.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn open(
        rows: Arc<dyn Store>,
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: LettersOptions,
    ) -> Result<LetterStore, StoreError> {
        files::prepare(&*disk, folder)?;
        let mut known = rows.groups()?;
        known.extend(rows.aside().iter().map(|aside| aside.group));
        files::remove_strangers(&*disk, folder, &known)?;
        Ok(LetterStore {
            rows,
            disk,
            folder: folder.to_owned(),
            options,
            shelves: Mutex::default(),
            staged: Mutex::default(),
        })
    }

    /// See [`Store::load`]. A checkpoint whose letters are damaged is put aside, too.
    ///
    /// # Errors
    /// As the store's.
    pub fn load(&self, group: GroupId) -> Result<Option<Loaded>, StoreError> {
        self.shelves.lock().remove(&group);
        while let Some(checkpoint) = self.rows.load(group)? {
            match self.new_shelf(group)?.load(checkpoint) {
                Ok((shelf, loaded)) => {
                    self.shelves.lock().insert(group, shelf);
                    return Ok(Some(loaded));
                }
                Err(StoreError::Unreadable(reason)) => self.put_aside(group, &reason)?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The checkpoint that was loaded makes sense. What is of an earlier one can go, unless something was put aside: what that
    /// names is kept with it.
    ///
    /// # Errors
    /// As the store's.
    fn proven(&self, group: GroupId) -> Result<(), StoreError> {
        self.rows.proven(group)?;
        if self.has_aside(group) {
            return Ok(());
        }
        let others = self.files_of_staged(group);
        let shelves = self.shelves.lock();
        let shelf = shelves.get(&group);
        shelf.map_or(Ok(()), |shelf| shelf.remove_strangers(&others))
    }

    /// See [`Store::put_aside`]. Its letters stay where they are.
    ///
    /// # Errors
    /// As the store's.
    pub fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.shelves.lock().remove(&group);
        self.rows.put_aside(group, reason)
    }

    /// See [`Store::aside`].
    pub fn aside(&self) -> Vec<PutAside> {
        self.rows.aside()
    }

    fn has_aside(&self, group: GroupId) -> bool {
        self.rows.aside().iter().any(|aside| aside.group == group)
    }

    /// See [`Store::write`]. Returns which letters are in files now.
    ///
    /// # Errors
    /// As the store's.
    pub fn write(
        &self,
        group: GroupId,
        header: Bytes,
        delta: Delta,
    ) -> Result<Vec<(u64, Stored)>, StoreError> {
        let known = self.shelves.lock().remove(&group);
        let mut shelf = match known {
            Some(shelf) => shelf,
            // Without a shelf nothing was loaded or written here yet, so that there is nothing to build on.
            None if !delta.clear => return Err(StoreError::NoBase(group)),
            None => self.new_shelf(group)?,
        };
        let first_new = shelf.next_file;
        let written = shelf.put_away(delta).and_then(|(delta, stored)| {
            self.rows.write(group, header, delta)?;
            Ok(stored)
        });
        if let Err(StoreError::Full(_)) = &written {
            shelf.remove_from(first_new)?;
            self.take_back(group)?;
        }
        let stored = written?;
        self.tidy(group, &mut shelf)?;
        self.shelves.lock().insert(group, shelf);
        Ok(stored)
    }

    /// A write had too little space: letters that no row names give theirs back. The next delta
    /// builds on what was there before.
    fn take_back(&self, group: GroupId) -> Result<(), StoreError> {
        if self.has_aside(group) {
            return Ok(());
        }
        let others = self.files_of_staged(group);
        let (shelf, is_base) = match self.rows.load(group)? {
            Some(checkpoint) => (self.new_shelf(group)?.load(checkpoint)?.0, true),
            None => (self.new_shelf(group)?, false),
        };
        // It may have turned out to be damaged just now: then nothing is known of its files, and
        // what there is may be older than what a delta builds on.
        if self.has_aside(group) {
            return Ok(());
        }
        shelf.remove_strangers(&others)?;
        if is_base {
            self.shelves.lock().insert(group, shelf);
        }
        Ok(())
    }

    /// See [`Store::forget`].
    ///
    /// # Errors
    /// As the store's.
    pub fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.shelves.lock().remove(&group);
        self.staged.lock().remove(&group);
        self.rows.forget(group)?;
        files::remove_all(&*self.disk, &files::folder(&self.folder, group))
    }

    /// See [`Store::groups`].
    ///
    /// # Errors
    /// As the store's.
    pub fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.rows.groups()
    }

    /// The rows are written: files that no row names can go.
    fn tidy(&self, group: GroupId, shelf: &mut Shelf) -> Result<(), StoreError> {
        match self.has_aside(group) {
            true => Ok(()),
            false => shelf.written(&self.files_of_staged(group)),
        }
    }

    fn new_shelf(&self, group: GroupId) -> Result<Shelf, StoreError> {
        Shelf::new(self.disk.clone(), &self.folder, group, self.options)
    }
}
