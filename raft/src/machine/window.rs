//! Things that are remembered for a while, by a key of 16 bytes: the answers to API calls,
//! deduplication ids, and attempts to receive.
//!
//! A window is bounded by time and by count; the oldest go first. The newest entry of a key
//! counts; an older one of the same key stays until its time has come, but is not found any more.

use std::ops::Range;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::ring::Ring;
use super::row::{Delta, LoadError, Row, number_in_key, numbered_key};
use crate::types::Millis;

/// What entries are found by.
pub(super) type Key = [u8; 16];

/// Something that a window remembers.
pub(super) trait Remember: Sized {
    /// For a row.
    fn to_bytes(&self) -> Bytes;
    /// From a row.
    fn from_bytes(bytes: &Bytes) -> Result<Self, LoadError>;
}

/// How much a window remembers, and where it is saved.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) span: Millis,
    pub(super) entries: usize,
    pub(super) table: u8,
}

/// Things remembered for a while.
pub(super) struct Window<T> {
    limits: Limits,
    ring: Ring<Entry<T>>,
    /// The number of each key's newest entry. For look-ups only.
    numbers: FxHashMap<Key, u64>,
}

struct Entry<T> {
    key: Key,
    at: Millis,
    what: T,
}

/// An entry as a row holds it.
#[derive(Clone, PartialEq, prost::Message)]
struct EntryRecord {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(uint64, tag = "2")]
    at_ms: u64,
    #[prost(bytes = "bytes", tag = "3")]
    what: Bytes,
}

impl<T: Remember> Window<T> {
    pub(super) fn new(limits: Limits) -> Window<T> {
        Window {
            limits,
            ring: Ring::new(),
            numbers: FxHashMap::default(),
        }
    }

    /// What is remembered under a key.
    pub(super) fn get(&self, key: &Key) -> Option<&T> {
        let number = self.numbers.get(key)?;
        self.ring.get(*number).map(|entry| &entry.what)
    }

    /// Remembers something. `now` is never earlier than in an earlier call.
    pub(super) fn record(&mut self, key: Key, now: Millis, what: T) {
        if self.ring.len() >= self.limits.entries {
            self.forget_oldest();
        }
        let number = self.ring.push(Entry { key, at: now, what });
        self.numbers.insert(key, number);
    }

    /// Forgets what has become too old.
    pub(super) fn expire(&mut self, now: Millis) {
        while self
            .ring
            .front()
            .is_some_and(|oldest| oldest.at.after(self.limits.span) <= now)
        {
            self.forget_oldest();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.ring.clear();
        self.numbers = FxHashMap::default();
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// The number that the next entry gets; part of the machine's state.
    pub(super) fn end(&self) -> u64 {
        self.ring.end()
    }

    fn forget_oldest(&mut self) {
        let Some((number, entry)) = self.ring.pop() else {
            return;
        };
        if self.numbers.get(&entry.key) == Some(&number) {
            self.numbers.remove(&entry.key);
            if self.numbers.len() * 4 < self.numbers.capacity() && self.numbers.capacity() > 1024 {
                self.numbers.shrink_to(self.numbers.len() * 2);
            }
        }
    }

    /// A row for each entry.
    pub(super) fn rows(&self, rows: &mut Vec<Row>) {
        rows.extend(self.ring.numbers().map(|number| self.row(number)));
    }

    /// The number after the entries that the last cut held.
    pub(super) fn saved_end(&self) -> u64 {
        self.ring.saved_end()
    }

    /// Rows of the entries with numbers in a range.
    pub(super) fn rows_in(&self, numbers: Range<u64>) -> impl Iterator<Item = (u64, Row)> {
        let there = self.ring.numbers();
        let numbers = numbers.start.max(there.start)..numbers.end.min(there.end);
        numbers.map(|number| (number, self.row(number)))
    }

    /// Adds what changed since the last call.
    pub(super) fn take_delta(&mut self, delta: &mut Delta) {
        let changes = self.ring.take_changes();
        delta.puts.extend(changes.new.map(|number| self.row(number)));
        let table = self.limits.table;
        delta
            .deletes
            .extend(changes.gone.map(|number| numbered_key(table, number)));
    }

    fn row(&self, number: u64) -> Row {
        let entry = self
            .ring
            .get(number)
            .expect("the ring named this number as its own");
        let record = EntryRecord {
            key: Bytes::copy_from_slice(&entry.key),
            at_ms: entry.at.0,
            what: entry.what.to_bytes(),
        };
        Row::encoded(numbered_key(self.limits.table, number), &record)
    }
}

/// Gathers a window's rows while a machine is loaded.
pub(super) struct WindowLoader<T> {
    limits: Limits,
    entries: Vec<(u64, Entry<T>)>,
}

impl<T: Remember> WindowLoader<T> {
    pub(super) fn new(limits: Limits) -> WindowLoader<T> {
        WindowLoader {
            limits,
            entries: Vec::new(),
        }
    }

    /// Takes one row of the window's table.
    pub(super) fn add(&mut self, key: &[u8], value: Bytes) -> Result<(), LoadError> {
        let record = <EntryRecord as prost::Message>::decode(value)
            .map_err(|error| LoadError::undecodable(self.limits.table, error))?;
        let entry = Entry {
            key: Key::try_from(record.key.as_ref())
                .map_err(|_| LoadError(format!("a key of {} bytes", record.key.len())))?,
            at: Millis(record.at_ms),
            what: T::from_bytes(&record.what)?,
        };
        self.entries.push((number_in_key(key)?, entry));
        Ok(())
    }

    /// The window; `end` is what [`Window::end`] was.
    pub(super) fn finish(self, end: u64) -> Result<Window<T>, LoadError> {
        let ring = Ring::load(self.entries, end)?;
        let mut numbers = FxHashMap::default();
        for number in ring.numbers() {
            if let Some(entry) = ring.get(number) {
                numbers.insert(entry.key, number);
            }
        }
        Ok(Window {
            limits: self.limits,
            ring,
            numbers,
        })
    }
}
