//! Numbered entries that come at one end and go at the other.
//!
//! Because they only move at the ends, what changed since the last checkpoint is two ranges of
//! numbers and needs no bookkeeping for each entry.

use std::collections::VecDeque;
use std::ops::Range;

use super::row::LoadError;

/// The entries with numbers `first..end`.
pub(super) struct Ring<T> {
    entries: VecDeque<T>,
    first: u64,
    /// The numbers that the last cut held.
    saved: Range<u64>,
}

/// What changed since the last cut.
pub(super) struct RingChanges {
    /// Numbers that were in the last cut and are gone.
    pub(super) gone: Range<u64>,
    /// Numbers that are new.
    pub(super) new: Range<u64>,
}

impl<T> Ring<T> {
    /// An empty ring whose first entry will have number 0.
    pub(super) fn new() -> Ring<T> {
        Ring {
            entries: VecDeque::new(),
            first: 0,
            saved: 0..0,
        }
    }

    /// Adds an entry and returns its number.
    pub(super) fn push(&mut self, entry: T) -> u64 {
        self.entries.push_back(entry);
        self.end() - 1
    }

    /// The oldest entry.
    pub(super) fn front(&self) -> Option<&T> {
        self.entries.front()
    }

    /// Removes the oldest entry.
    pub(super) fn pop(&mut self) -> Option<(u64, T)> {
        let entry = self.entries.pop_front()?;
        self.first += 1;
        // A burst must not hold its memory for ever.
        if self.entries.len() * 4 < self.entries.capacity() && self.entries.capacity() > 1024 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        Some((self.first - 1, entry))
    }

    /// Removes all entries; their numbers are not used again.
    pub(super) fn clear(&mut self) {
        self.first = self.end();
        self.entries = VecDeque::new();
    }

    /// The entry with a number, if it is still there.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.entries
            .get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The number that the next entry will get.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The numbers of all entries.
    pub(super) fn numbers(&self) -> Range<u64> {
        self.first..self.end()
    }

    /// The number after those that the last cut held.
    pub(super) fn saved_end(&self) -> u64 {
        self.saved.end
    }

    /// What changed since the last call.
    pub(super) fn take_changes(&mut self) -> RingChanges {
        let now = self.numbers();
        let saved = std::mem::replace(&mut self.saved, now);
        RingChanges {
            gone: saved.start..self.first.min(saved.end),
            new: saved.end.max(self.first)..self.end(),
        }
    }

    /// A ring of loaded entries, which must be all up to `end`. They count as saved.
    pub(super) fn load(mut entries: Vec<(u64, T)>, end: u64) -> Result<Ring<T>, LoadError> {
        entries.sort_by_key(|(number, _)| *number);
        let first = entries.first().map_or(end, |(number, _)| *number);
        let complete = entries.iter().map(|(number, _)| *number).eq(first..end);
        if !complete {
            return Err(LoadError::Damaged(format!(
                "entries {first} to {end} are not complete"
            )));
        }
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(Ring {
            entries,
            first,
            saved: first..end,
        })
    }
}
