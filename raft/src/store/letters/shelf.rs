//! A group's letters: turns a delta of messages into files, and into rows that name them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::chunks::{Chunks, Entry};
use super::{LettersOptions, Loaded, files};
use crate::env::{Disk, DiskFile};
use crate::machine::queue::{Bits, Chunk, ChunkWriter, MessageRow, Stored};
use crate::machine::row::{number_in_key, numbered_key};
use crate::machine::tables;
use crate::machine::{Delta, Row, RowValue};
use crate::planted::{Bug, planted};
use crate::store::{Checkpoint, StoreError};
use crate::types::GroupId;

/// What is written without waiting for the disk: more would keep the log waiting for it.
const UNSYNCED_BYTES_MAX: u64 = 8 << 20;
/// A chunk is complete with the letter that reaches this: it is put together in memory.
const CHUNK_BYTES_MAX: u64 = 4 << 20;
/// A file of which less than this share of the letters is left gives them up.
const SPARSE_SHARE: u64 = 8;
/// A file with more letters than this keeps them.
const MOVED_MAX: u64 = 16 * 1024;

/// Messages and where their letters are now.
type Placed = Vec<(u64, Stored)>;

/// What is known of a group's files.
pub(super) struct Shelf {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    options: LettersOptions,
    chunks: Chunks,
    /// Sequences below have been written, here or as rows.
    end: u64,
    next_file: u64,
    last: Option<Last>,
    open: BTreeMap<u64, Arc<dyn DiskFile>>,
}

/// The file that chunks are added to.
struct Last {
    number: u64,
    file: Arc<dyn DiskFile>,
    end: u64,
    unsynced: u64,
}

impl Shelf {
    /// One with nothing on it.
    pub(super) fn new(disk: Arc<dyn Disk>, folder: &Path, group: GroupId, options: LettersOptions) -> Shelf {
        let folder = files::folder(folder, group);
        let next_file = files::numbers(&*disk, &folder).into_iter().max();
        Shelf {
            disk,
            folder,
            options,
            chunks: Chunks::new(options.chunk_span),
            end: 0,
            next_file: next_file.map_or(1, |number| number + 1),
            last: None,
            open: BTreeMap::new(),
        }
    }

    /// Finds the letters of a checkpoint. Says what is wrong if they cannot be found.
    pub(super) fn load(mut self, checkpoint: Checkpoint) -> Result<(Shelf, Loaded), String> {
        let wrong = |error: crate::machine::LoadError| error.to_string();
        let mut rows = Vec::new();
        let mut of_messages = Vec::new();
        for (key, value) in checkpoint.rows {
            match key.first() {
                Some(&tables::CHUNKS) => {
                    let first = number_in_key(&key).map_err(wrong)?;
                    self.chunks.insert(first, Entry::decode(value)?);
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
        let nobodys = files::numbers(&*self.disk, &self.folder).into_iter();
        for number in nobodys.filter(|number| !self.open.contains_key(number)) {
            files::remove(&*self.disk, &self.folder, number).map_err(|error| error.to_string())?;
        }
        let header = checkpoint.header;
        Ok((self, Loaded { header, rows, chunks }))
    }

    /// Writes the letters of a delta. Returns what is to be written to the rows, and where letters are now.
    pub(super) fn put_away(&mut self, delta: Delta) -> Result<(Delta, Placed), StoreError> {
        let mut rows = Delta {
            clear: delta.clear,
            ..Delta::default()
        };
        if delta.clear {
            self.chunks = Chunks::new(self.options.chunk_span);
            self.end = 0;
        }
        for key in delta.deletes {
            self.delete(key, &mut rows);
        }
        let mut new = Vec::new();
        for Row { key, value } in delta.puts {
            match value {
                RowValue::Message(message) => self.put(key, message, &mut rows, &mut new),
                encoded @ RowValue::Encoded(_) => rows.puts.push(Row { key, value: encoded }),
            }
        }
        new.sort_by_key(|(sequence, _)| *sequence);
        let bytes: u64 = new.iter().map(|(_, message)| message.approximate_bytes()).sum();
        self.end = self.end.max(new.last().map_or(0, |(sequence, _)| sequence + 1));
        let mut stored = self.move_remains()?;
        if bytes >= self.options.bytes_min {
            stored.extend(self.add(new, &mut rows)?);
        } else {
            let plain = new.into_iter().map(|(sequence, message)| Row {
                key: numbered_key(tables::MESSAGES, sequence),
                value: RowValue::Message(message),
            });
            rows.puts.extend(plain);
        }
        self.sync()?;
        let (deletes, puts) = self.chunks.take_changes();
        if !rows.clear {
            rows.deletes.extend(deletes);
        }
        rows.puts.extend(puts);
        Ok((rows, stored))
    }

    /// The rows are written: files that nothing is left in can go.
    pub(super) fn written(&mut self) -> Result<(), StoreError> {
        let used = self.chunks.files();
        self.last.take_if(|last| !used.contains_key(&last.number));
        self.open.retain(|number, _| used.contains_key(number));
        let numbers = files::numbers(&*self.disk, &self.folder).into_iter();
        for number in numbers.filter(|number| !used.contains_key(number)) {
            files::remove(&*self.disk, &self.folder, number)?;
        }
        Ok(())
    }

    fn delete(&mut self, key: Bytes, rows: &mut Delta) {
        let sequence = message_in(&key);
        if let Some((first, entry)) = sequence.and_then(|sequence| self.chunks.of(sequence)) {
            let number = sequence.unwrap_or_default() - first;
            entry.live.put(number, planted(Bug::DeletedInChunk));
            entry.changed = true;
            if !entry.with_row.has(number) {
                return;
            }
            entry.with_row.put(number, false);
        }
        rows.deletes.push(key);
    }

    /// A message that is in a chunk only gets a row for what has happened to it. One that is not goes to `new`, unless it
    /// has a row already.
    fn put(&mut self, key: Bytes, message: MessageRow, rows: &mut Delta, new: &mut Vec<(u64, MessageRow)>) {
        let Some(sequence) = message_in(&key) else {
            let value = RowValue::Message(message);
            return rows.puts.push(Row { key, value });
        };
        let end = self.end;
        match self.chunks.of(sequence) {
            Some((first, entry)) => {
                let (number, history) = (sequence - first, message.encode_history());
                let had_row = entry.with_row.has(number);
                if had_row != history.is_some() {
                    entry.with_row.put(number, history.is_some());
                    entry.changed = true;
                }
                match history {
                    Some(history) => rows.puts.push(Row::from((key, history))),
                    None if had_row => rows.deletes.push(key),
                    None => {}
                }
            }
            None if sequence < end => {
                let value = RowValue::Message(message);
                rows.puts.push(Row { key, value });
            }
            None => new.push((sequence, message)),
        }
    }

    /// Writes new messages in chunks, in the order of their sequences.
    fn add(&mut self, messages: Vec<(u64, MessageRow)>, rows: &mut Delta) -> Result<Placed, StoreError> {
        let mut placed = Placed::new();
        let mut messages = messages.into_iter().peekable();
        while let Some((first, _)) = messages.peek() {
            let (first, span) = (*first, self.options.chunk_span);
            let mut chunk = Vec::new();
            let mut with_row = Bits::default();
            let mut bytes = 0;
            while let Some((sequence, message)) =
                messages.next_if(|(sequence, _)| sequence - first < span && bytes < CHUNK_BYTES_MAX)
            {
                bytes += message.approximate_bytes();
                if let Some(history) = message.encode_history() {
                    with_row.put(sequence - first, true);
                    let key = numbered_key(tables::MESSAGES, sequence);
                    rows.puts.push(Row::from((key, history)));
                }
                chunk.push((sequence, message));
            }
            placed.extend(self.add_chunk(first, &chunk, with_row)?);
        }
        Ok(placed)
    }

    fn add_chunk(
        &mut self,
        first: u64,
        messages: &[(u64, MessageRow)],
        with_row: Bits,
    ) -> Result<Placed, StoreError> {
        let mut last = self.take_last()?;
        let start = u32::try_from(last.end).expect("a file is far smaller than 4 GiB");
        let mut chunk = ChunkWriter::default();
        let mut live = Bits::default();
        for (sequence, message) in messages {
            let added = chunk.add(*sequence, message, &last.file, start);
            added.map_err(files::failed)?;
            live.put(sequence - first, true);
        }
        let (records, list, placed) = chunk.finish();
        let entry = Entry {
            file: last.number,
            list_at: last.end + records.len() as u64,
            list_bytes: u32::try_from(list.len()).expect("a list is far smaller than 4 GiB"),
            list_checksum: crc32c::crc32c(&list),
            letters: messages.len() as u64,
            live,
            with_row,
            changed: true,
        };
        last.append(&records).map_err(files::failed)?;
        last.append(&list).map_err(files::failed)?;
        self.chunks.insert(first, entry);
        self.last = Some(last);
        Ok(placed)
    }

    /// Moves what is left of files of which little is left. Each chunk remains one: merged ones could overlap others.
    fn move_remains(&mut self) -> Result<Placed, StoreError> {
        let last = self.last.as_ref().map(|last| last.number);
        let files = self.chunks.files();
        let sparse = |file: u64| {
            let (letters, live) = files[&file];
            Some(file) != last && live > 0 && live * SPARSE_SHARE < letters && live <= MOVED_MAX
        };
        let remains = self.chunks.iter().filter(|(_, entry)| sparse(entry.file));
        let remains: Vec<(u64, Entry)> = remains.map(|(first, entry)| (first, entry.clone())).collect();
        let mut placed = Placed::new();
        for (first, entry) in remains.into_iter().filter(|(_, entry)| entry.live.count() > 0) {
            let file = self.open[&entry.file].clone();
            let chunk = Chunk {
                list: read_list(&*file, &entry).map_err(StoreError::Failed)?,
                file,
                first,
                live: entry.live,
                histories: BTreeMap::new(),
            };
            let messages: Result<Vec<_>, _> = chunk.rows().collect();
            let messages = messages.map_err(|error| StoreError::Failed(error.to_string()))?;
            // Its first message may be gone: the chunk keeps its place in the order, and its row its key.
            self.chunks.remove(first);
            placed.extend(self.add_chunk(first, &messages, entry.with_row)?);
        }
        Ok(placed)
    }

    /// The file that the next chunk goes to.
    fn take_last(&mut self) -> Result<Last, StoreError> {
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.end >= self.options.file_bytes)
        {
            self.sync()?;
            self.last = None;
        }
        if let Some(last) = self.last.take() {
            return Ok(last);
        }
        let number = self.next_file;
        self.next_file += 1;
        let file = files::create(&*self.disk, &self.folder, number)?;
        self.open.insert(number, file.clone());
        Ok(Last {
            number,
            file,
            end: files::START,
            unsynced: 0,
        })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        match &mut self.last {
            Some(last) => last.sync().map_err(files::failed),
            None => Ok(()),
        }
    }
}

impl Last {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= UNSYNCED_BYTES_MAX {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.unsynced) > 0 {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// The sequence of the message that a row is about.
fn message_in(key: &[u8]) -> Option<u64> {
    (key.first() == Some(&tables::MESSAGES)).then_some(())?;
    number_in_key(key).ok()
}

fn read_list(file: &dyn DiskFile, entry: &Entry) -> Result<Bytes, String> {
    let mut list = vec![0; entry.list_bytes as usize];
    file.read_exact_at(&mut list, entry.list_at)
        .map_err(|error| error.to_string())?;
    if crc32c::crc32c(&list) != entry.list_checksum {
        return Err("the list of a chunk is damaged".into());
    }
    Ok(list.into())
}
