//! Things that are remembered for a while, by a key of 16 bytes: the answers to API calls,
//! deduplication ids, and attempts to receive.
//!
//! A window is bounded by time, by count and by bytes; the oldest go first. The newest entry of a
//! key counts; an older one of the same key stays until its time has come, but is not found any
//! more.
//!
//! What goes, and when, follows from the entries and the limits alone, so that it is the same on
//! every replica. Only how many went before their time is not part of the state.

use std::ops::Range;

use bytes::Bytes;

use super::index::Index;
use super::ring::{Ring, Shared};
use super::row::{Delta, Later, LoadError, Row, number_in_key, numbered_key};
use crate::types::Millis;

pub(super) use super::index::Key;

/// About what an entry costs beside what its answer has on the heap: its place in the ring, and
/// that of its key in the index, each with the room that they leave (`examples/window_memory.rs`).
const ENTRY_BYTES: u64 = 120;

/// Something that a window remembers.
pub(super) trait Remember: Clone + Send + Sync + 'static {
    /// For a row.
    fn to_bytes(&self) -> Bytes;
    /// From a row.
    fn from_bytes(bytes: &Bytes) -> Result<Self, LoadError>;
    /// About how many bytes it has on the heap. The same for what is equal.
    fn heap_bytes(&self) -> u64;
}

/// How much a window remembers, and where it is saved.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) span: Millis,
    pub(super) entries: usize,
    pub(super) bytes: u64,
    /// How many entries go at a time.
    pub(super) at_once: usize,
    pub(super) table: u8,
}

impl Limits {
    /// Bounded by time alone.
    pub(super) const fn of_time(span: Millis, table: u8) -> Limits {
        Limits {
            span,
            entries: usize::MAX,
            bytes: u64::MAX,
            at_once: usize::MAX,
            table,
        }
    }
}

/// How full a window is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowStats {
    /// About how many bytes it has.
    pub bytes: u64,
    /// Entries that went before their time, for want of room, since this replica was opened.
    pub forgotten_early: u64,
}

/// Things remembered for a while.
pub(super) struct Window<T> {
    limits: Limits,
    ring: Ring<Entry<T>>,
    /// The number of each key's newest entry.
    numbers: Index,
    bytes: u64,
    forgotten_early: u64,
}

#[derive(Clone)]
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
            numbers: Index::new(),
            bytes: 0,
            forgotten_early: 0,
        }
    }

    /// Other limits from now on, for the same table.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How full it is.
    pub(super) fn stats(&self) -> WindowStats {
        WindowStats {
            bytes: self.bytes,
            forgotten_early: self.forgotten_early,
        }
    }

    /// What is remembered under a key.
    pub(super) fn get(&self, key: &Key) -> Option<&T> {
        let number = self.numbers.get(key)?;
        self.ring.get(number).map(|entry| &entry.what)
    }

    /// The same, but for what is too old at `now` and not forgotten yet.
    pub(super) fn get_at(&self, key: &Key, now: Millis) -> Option<&T> {
        let number = self.numbers.get(key)?;
        let entry = self.ring.get(number)?;
        (entry.at.after(self.limits.span) > now).then_some(&entry.what)
    }

    /// Remembers something. `now` is never earlier than in an earlier call.
    pub(super) fn record(&mut self, key: Key, now: Millis, what: T) {
        if self.ring.len() >= self.limits.entries {
            self.forget_oldest(true);
        }
        self.push(Entry { key, at: now, what });
    }

    fn push(&mut self, entry: Entry<T>) {
        self.bytes += entry.bytes();
        let key = entry.key;
        let number = self.ring.push(entry);
        self.numbers.insert(key, number);
    }

    /// Forgets what has become too old, and then the oldest, if the rest is too much.
    pub(super) fn expire(&mut self, now: Millis) {
        for _ in 0..self.limits.at_once {
            let is_old = |oldest: &Entry<T>| oldest.at.after(self.limits.span) <= now;
            let is_old = self.ring.front().is_some_and(is_old);
            if !is_old && self.bytes <= self.limits.bytes {
                return;
            }
            self.forget_oldest(!is_old);
        }
    }

    /// Forgets everything. It is handed out, as dropping it may take long.
    pub(super) fn clear(&mut self) -> impl Send + Sync + use<T> {
        self.bytes = 0;
        (
            self.ring.clear(),
            std::mem::replace(&mut self.numbers, Index::new()),
        )
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// The number that the next entry gets; part of the machine's state.
    pub(super) fn end(&self) -> u64 {
        self.ring.end()
    }

    fn forget_oldest(&mut self, early: bool) {
        let Some((number, entry)) = self.ring.pop() else {
            return;
        };
        self.bytes -= entry.bytes();
        let is_newest = self.numbers.remove(&entry.key, number);
        self.forgotten_early += u64::from(early && is_newest);
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

    /// How many entries are new since the last cut.
    pub(super) fn new_entries(&self) -> usize {
        self.ring.new_entries()
    }

    /// Adds what changed since the last call.
    pub(super) fn take_delta(&mut self, delta: &mut Delta) {
        self.take_some(usize::MAX, delta);
    }

    /// The same, with so many new entries at most. The others come with later calls.
    pub(super) fn take_some(&mut self, max: usize, delta: &mut Delta) {
        let changes = self.ring.take_some(max);
        delta.puts.extend(changes.new.map(|number| self.row(number)));
        let table = self.limits.table;
        delta
            .deletes
            .extend(changes.gone.map(|number| numbered_key(table, number)));
    }

    /// Takes the entries as a cut of all rows: what changed until now is part of them. They become
    /// rows where that may take long.
    pub(super) fn take_whole(&mut self) -> Later {
        let (table, shared) = (self.limits.table, self.ring.take_whole());
        Later::new(move || rows_of(table, &shared))
    }

    fn row(&self, number: u64) -> Row {
        let entry = self
            .ring
            .get(number)
            .expect("the ring named this number as its own");
        entry.row(self.limits.table, number)
    }

    /// What is remembered under a key is remembered as long as if it were new, unless it was new
    /// less than `interval` ago: its entry has a copy from now on.
    pub(super) fn renew(&mut self, key: &Key, now: Millis, interval: Millis) {
        let number = self.numbers.get(key);
        let entry = number.and_then(|number| self.ring.get(number));
        let entry = entry.filter(|entry| entry.at.after(interval) <= now);
        if let Some(entry) = entry.cloned() {
            self.push(Entry { at: now, ..entry });
        }
    }
}

fn rows_of<T: Remember>(table: u8, entries: &Shared<Entry<T>>) -> Vec<Row> {
    let rows = entries.iter().map(|(number, entry)| entry.row(table, number));
    rows.collect()
}

impl<T: Remember> Entry<T> {
    fn row(&self, table: u8, number: u64) -> Row {
        let record = EntryRecord {
            key: Bytes::copy_from_slice(&self.key),
            at_ms: self.at.0,
            what: self.what.to_bytes(),
        };
        Row::encoded(numbered_key(table, number), &record)
    }

    fn bytes(&self) -> u64 {
        ENTRY_BYTES + self.what.heap_bytes()
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
                .map_err(|_| LoadError::Damaged(format!("a key of {} bytes", record.key.len())))?,
            at: Millis(record.at_ms),
            what: T::from_bytes(&record.what)?,
        };
        self.entries.push((number_in_key(key)?, entry));
        Ok(())
    }

    /// The window; `end` is what [`Window::end`] was.
    pub(super) fn finish(self, end: u64) -> Result<Window<T>, LoadError> {
        let ring = Ring::load(self.entries, end)?;
        let mut window = Window {
            ring,
            ..Window::new(self.limits)
        };
        for number in window.ring.numbers() {
            if let Some(entry) = window.ring.get(number) {
                window.bytes += entry.bytes();
                window.numbers.insert(entry.key, number);
            }
        }
        Ok(window)
    }
}

#[cfg(test)]
mod tests;
