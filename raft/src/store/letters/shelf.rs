//! A group's letters: which chunks and files it has, and how they are found again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::chunks::{Chunks, Entry};
use super::last::Last;
use super::{LettersOptions, Loaded, files};
use crate::env::{Disk, DiskFile};
use crate::machine::queue::{Chunk, Stored};
use crate::machine::row::number_in_key;
use crate::machine::tables;
use crate::store::{Checkpoint, StoreError};
use crate::types::GroupId;

/// Messages and where their letters are now.
pub(super) type Placed = Vec<(u64, Stored)>;

/// What is known of a group's files.
pub(super) struct Shelf {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) options: LettersOptions,
    pub(super) chunks: Chunks,
    /// Sequences below have been written, here or as rows.
    pub(super) end: u64,
    pub(super) next_file: u64,
    pub(super) last: Option<Last>,
    pub(super) open: BTreeMap<u64, Arc<dyn DiskFile>>,
}

impl Shelf {
    /// One with nothing on it.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: &Path,
        group: GroupId,
        options: LettersOptions,
    ) -> Result<Shelf, StoreError> {
        let folder = files::folder(folder, group);
        let next_file = files::numbers(&*disk, &folder)?.into_iter().max();
        Ok(Shelf {
            disk,
            folder,
            options,
            chunks: Chunks::default(),
            end: 0,
            next_file: next_file.map_or(1, |number| number + 1),
            last: None,
            open: BTreeMap::new(),
        })
    }

    /// Finds the letters of a checkpoint; [`StoreError::Unreadable`] if they cannot be found.
    pub(super) fn load(mut self, checkpoint: Checkpoint) -> Result<(Shelf, Loaded), StoreError> {
        let wrong = |error: crate::machine::LoadError| StoreError::Unreadable(error.to_string());
        let mut rows = Vec::new();
        let mut of_messages = Vec::new();
        for (key, value) in checkpoint.rows {
            match key.first() {
                Some(&tables::CHUNKS) => {
                    let first = number_in_key(&key).map_err(wrong)?;
                    self.chunks
                        .insert(first, Entry::decode(value).map_err(StoreError::Unreadable)?);
                }
                Some(&tables::MESSAGES) => of_messages.push((key, value)),
                _ => rows.push((key, value)),
            }
        }
        let mut histories: BTreeMap<u64, BTreeMap<u64, Bytes>> = BTreeMap::new();
        for (key, value) in of_messages {
            let sequence = number_in_key(&key).map_err(wrong)?;
            self.end = self.end.max(sequence + 1);
            match self.chunks.of(sequence) {
                Some((first, entry)) if entry.with_row.has(sequence - first) => {
                    histories.entry(first).or_default().insert(sequence, value);
                }
                _ => rows.push((key, value)),
            }
        }
        for number in self.chunks.files().into_keys() {
            let file = files::open(&*self.disk, &self.folder, number)?;
            self.open.insert(number, file);
        }
        let mut chunks = Vec::new();
        for (first, entry) in self.chunks.iter() {
            let file = self.open[&entry.file].clone();
            chunks.push(Chunk {
                list: read_list(&*file, entry)?,
                file,
                first,
                live: entry.live.clone(),
                histories: histories.remove(&first).unwrap_or_default(),
            });
        }
        let newest = chunks
            .last()
            .and_then(|chunk| Some(chunk.first + chunk.live.iter().last()? + 1));
        self.end = self.end.max(newest.unwrap_or(0));
        let header = checkpoint.header;
        Ok((self, Loaded { header, rows, chunks }))
    }

    /// The rows are written: files that nothing is left in can go.
    pub(super) fn written(&mut self, others: &BTreeSet<u64>) -> Result<(), StoreError> {
        let used = self.chunks.files();
        self.last.take_if(|last| !used.contains_key(&last.number));
        self.open.retain(|number, _| used.contains_key(number));
        self.remove_strangers(others)
    }

    /// Removes the files that were made here, from a number on: of a write that was given up, so that no row names them.
    pub(super) fn remove_from(&self, first: u64) -> Result<(), StoreError> {
        let mut made = self.open.range(first..);
        made.try_for_each(|(number, _)| files::remove(&*self.disk, &self.folder, *number))
    }

    /// Removes the files that are neither open here nor one of the `others`.
    pub(super) fn remove_strangers(&self, others: &BTreeSet<u64>) -> Result<(), StoreError> {
        let numbers = files::numbers(&*self.disk, &self.folder)?.into_iter();
        for number in numbers.filter(|number| !self.open.contains_key(number) && !others.contains(number)) {
            files::remove(&*self.disk, &self.folder, number)?;
        }
        Ok(())
    }
}

pub(super) fn read_list(file: &dyn DiskFile, entry: &Entry) -> Result<Bytes, StoreError> {
    let mut list = vec![0; entry.list_bytes as usize];
    file.read_exact_at(&mut list, entry.list_at)
        .map_err(files::unreadable)?;
    if crc32c::crc32c(&list) != entry.list_checksum {
        return Err(StoreError::Unreadable("the list of a chunk".into()));
    }
    Ok(list.into())
}
