//! Writing chunks of letters to files.

use std::collections::BTreeMap;

use super::chunks::Entry;
use super::files;
use super::last::Last;
use super::shelf::{Placed, Shelf, read_list};
use crate::machine::queue::{Bits, Chunk, ChunkWriter, MessageRow};
use crate::machine::row::numbered_key;
use crate::machine::tables;
use crate::machine::{Delta, Row};
use crate::store::StoreError;

/// A chunk is complete with the letter that reaches this: it is put together in memory.
const CHUNK_BYTES_MAX: u64 = 4 << 20;
/// A file of which less than this share of the letters is left gives them up.
const SPARSE_SHARE: u64 = 8;
/// A file with more letters than this keeps them.
const MOVED_MAX: u64 = 16 * 1024;

impl Shelf {
    /// Writes new messages in chunks, in the order of their sequences.
    pub(super) fn add(
        &mut self,
        messages: Vec<(u64, MessageRow)>,
        rows: &mut Delta,
    ) -> Result<Placed, StoreError> {
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
            added.map_err(files::unreadable)?;
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
        last.append(&records)?;
        last.append(&list)?;
        self.chunks.insert(first, entry);
        self.last = Some(last);
        Ok(placed)
    }

    /// Moves what is left of files of which little is left. Each chunk remains one: merged ones could overlap others.
    pub(super) fn move_remains(&mut self) -> Result<Placed, StoreError> {
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
                list: read_list(&*file, &entry)?,
                file,
                first,
                live: entry.live,
                histories: BTreeMap::new(),
            };
            let messages: Result<Vec<_>, _> = chunk.rows().collect();
            let messages = messages.map_err(|error| StoreError::Unreadable(error.to_string()))?;
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
        let (number, file) = loop {
            let number = self.next_file;
            self.next_file += 1;
            if let Some(file) = files::create(&*self.disk, &self.folder, number)? {
                break (number, file);
            }
        };
        self.open.insert(number, file.clone());
        Ok(Last {
            number,
            file,
            end: files::START,
            unsynced: 0,
        })
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        match &mut self.last {
            Some(last) => last.sync(),
            None => Ok(()),
        }
    }
}
