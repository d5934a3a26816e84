//! Which chunks a group has, and which of their messages are still there.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use crate::machine::Row;
use crate::machine::queue::Bits;
use crate::machine::row::numbered_key;
use crate::machine::tables;

/// One chunk.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The number of its file.
    pub(super) file: u64,
    /// Where its list is in the file, how long it is, and its CRC-32C.
    pub(super) list_at: u64,
    pub(super) list_bytes: u32,
    pub(super) list_checksum: u32,
    /// How many letters it was written with.
    pub(super) letters: u64,
    /// Those still there, counted from the chunk's first sequence.
    pub(super) live: Bits,
    /// Those of them that have a row of their own: what has happened to them.
    pub(super) with_row: Bits,
    /// Whether its row has to be written again.
    pub(super) changed: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ChunkRecord {
    #[prost(uint64, tag = "1")]
    file: u64,
    #[prost(uint64, tag = "2")]
    list_at: u64,
    #[prost(uint32, tag = "3")]
    list_bytes: u32,
    #[prost(fixed32, tag = "4")]
    list_checksum: u32,
    #[prost(uint64, tag = "5")]
    letters: u64,
    #[prost(bytes = "bytes", tag = "6")]
    live: Bytes,
    #[prost(bytes = "bytes", tag = "7")]
    with_row: Bytes,
}

/// All chunks of a group, by their first sequence. They do not overlap.
#[derive(Default)]
pub(super) struct Chunks {
    by_first: BTreeMap<u64, Entry>,
}

impl Chunks {
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.by_first.iter().map(|(first, entry)| (*first, entry))
    }

    pub(super) fn insert(&mut self, first: u64, entry: Entry) {
        self.by_first.insert(first, entry);
    }

    pub(super) fn remove(&mut self, first: u64) -> Option<Entry> {
        self.by_first.remove(&first)
    }

    /// The chunk that a message is in, with its first sequence, if it is still there.
    pub(super) fn of(&mut self, sequence: u64) -> Option<(u64, &mut Entry)> {
        let (first, entry) = self.by_first.range_mut(..=sequence).next_back()?;
        let number = sequence - first;
        entry.live.has(number).then_some((*first, entry))
    }

    /// Takes out those that have no message any more, and returns the keys of their rows; and the rows of those that
    /// changed.
    pub(super) fn take_changes(&mut self) -> (Vec<Bytes>, Vec<Row>) {
        let (mut deletes, mut puts) = (Vec::new(), Vec::new());
        self.by_first.retain(|first, entry| {
            let is_live = entry.live.count() > 0;
            if !is_live {
                deletes.push(key(*first));
            } else if std::mem::take(&mut entry.changed) {
                puts.push(entry.row(*first));
            }
            is_live
        });
        (deletes, puts)
    }

    /// The files that chunks are in: the letters that were written, and those still there.
    pub(super) fn files(&self) -> BTreeMap<u64, (u64, u64)> {
        let mut files = BTreeMap::new();
        for entry in self.by_first.values() {
            let (letters, live): &mut (u64, u64) = files.entry(entry.file).or_default();
            *letters += entry.letters;
            *live += entry.live.count();
        }
        files
    }
}

/// The key of a chunk's row.
fn key(first: u64) -> Bytes {
    numbered_key(tables::CHUNKS, first)
}

impl Entry {
    fn row(&self, first: u64) -> Row {
        let record = ChunkRecord {
            file: self.file,
            list_at: self.list_at,
            list_bytes: self.list_bytes,
            list_checksum: self.list_checksum,
            letters: self.letters,
            live: Bytes::copy_from_slice(self.live.as_bytes()),
            with_row: Bytes::copy_from_slice(self.with_row.as_bytes()),
        };
        Row::from((key(first), Bytes::from(record.encode_to_vec())))
    }

    /// The chunk that a row's value describes.
    pub(super) fn decode(value: Bytes) -> Result<Entry, String> {
        let record = ChunkRecord::decode(value).map_err(|error| error.to_string())?;
        Ok(Entry {
            file: record.file,
            list_at: record.list_at,
            list_bytes: record.list_bytes,
            list_checksum: record.list_checksum,
            letters: record.letters,
            live: Bits::from_bytes(&record.live),
            with_row: Bits::from_bytes(&record.with_row),
            changed: false,
        })
    }
}
