//! Numbered entries that come at one end and go at the other.
//!
//! Because they only move at the ends, what changed since the last checkpoint is two ranges of
//! numbers and needs no bookkeeping for each entry.
//!
//! Entries lie in blocks, so that a ring of millions never moves them all at once. Blocks can be
//! shared with whoever reads them later; one that changes then is copied.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::row::LoadError;

/// Entries of a block. All blocks have as many, but for the first, from which entries go, and the
/// last, to which they come.
const BLOCK: usize = 1024;

/// The entries with numbers `first..end`.
pub(super) struct Ring<T> {
    /// None of them is empty.
    blocks: Blocks<T>,
    first: u64,
    len: usize,
    /// The numbers that the last cut held.
    saved: Range<u64>,
}

type Blocks<T> = VecDeque<Arc<VecDeque<T>>>;

/// The entries of a ring as they were.
pub(super) struct Shared<T> {
    blocks: Blocks<T>,
    first: u64,
}

/// What changed since the last cut.
pub(super) struct RingChanges {
    /// Numbers that were in the last cut and are gone.
    pub(super) gone: Range<u64>,
    /// Numbers that are new.
    pub(super) new: Range<u64>,
}

impl<T> Shared<T> {
    /// The entries with their numbers, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (self.first..).zip(self.blocks.iter().flat_map(|block| block.iter()))
    }
}

impl<T: Clone> Ring<T> {
    /// An empty ring whose first entry will have number 0.
    pub(super) fn new() -> Ring<T> {
        Ring {
            blocks: VecDeque::new(),
            first: 0,
            len: 0,
            saved: 0..0,
        }
    }

    /// Adds an entry and returns its number.
    pub(super) fn push(&mut self, entry: T) -> u64 {
        match self.blocks.back_mut().filter(|last| last.len() < BLOCK) {
            Some(last) => Arc::make_mut(last).push_back(entry),
            None => self.blocks.push_back(Arc::new(VecDeque::from([entry]))),
        }
        self.len += 1;
        self.end() - 1
    }

    /// The oldest entry.
    pub(super) fn front(&self) -> Option<&T> {
        self.blocks.front()?.front()
    }

    /// Removes the oldest entry.
    pub(super) fn pop(&mut self) -> Option<(u64, T)> {
        let block = Arc::make_mut(self.blocks.front_mut()?);
        let entry = block.pop_front()?;
        if block.is_empty() {
            self.blocks.pop_front();
            // A burst must not hold its memory for ever.
            if self.blocks.is_empty() {
                self.blocks = VecDeque::new();
            }
        }
        self.len -= 1;
        self.first += 1;
        Some((self.first - 1, entry))
    }

    /// Removes all entries; their numbers are not used again. They are handed out, as dropping them
    /// may take long.
    pub(super) fn clear(&mut self) -> Shared<T> {
        let first = self.first;
        self.first = self.end();
        self.len = 0;
        Shared {
            blocks: std::mem::take(&mut self.blocks),
            first,
        }
    }

    /// The entries as they are now, as a cut of all of them. Costs as much as there are blocks.
    pub(super) fn take_whole(&mut self) -> Shared<T> {
        self.saved = self.numbers();
        Shared {
            blocks: self.blocks.clone(),
            first: self.first,
        }
    }

    /// The entry with a number, if it is still there.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let first = self.blocks.front()?;
        match at.checked_sub(first.len()) {
            None => first.get(at),
            Some(behind) => self.blocks.get(1 + behind / BLOCK)?.get(behind % BLOCK),
        }
    }

    /// The number that the next entry will get.
    pub(super) fn end(&self) -> u64 {
        self.first + self.len as u64
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The numbers of all entries.
    pub(super) fn numbers(&self) -> Range<u64> {
        self.first..self.end()
    }

    /// The number after those that the last cut held.
    pub(super) fn saved_end(&self) -> u64 {
        self.saved.end
    }

    /// What changed since the last call, with so many new entries at most, the oldest ones. The
    /// others stay new.
    pub(super) fn take_some(&mut self, max: usize) -> RingChanges {
        let begin = self.saved.end.max(self.first);
        let end = self.end().min(begin.saturating_add(max as u64));
        let saved = std::mem::replace(&mut self.saved, self.first..end);
        RingChanges {
            gone: saved.start..self.first.min(saved.end),
            new: begin..end,
        }
    }

    /// How many entries are new since the last cut.
    pub(super) fn new_entries(&self) -> usize {
        (self.end() - self.saved.end.max(self.first)) as usize
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
        let mut ring = Ring { first, ..Ring::new() };
        for (_, entry) in entries {
            ring.push(entry);
        }
        ring.saved = first..end;
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_many_blocks_is_a_ring() {
        let mut ring = Ring::new();
        let mut first = 0;
        // Grows to some blocks, and shrinks to nothing, again and again.
        for round in 0..10_000_u64 {
            assert_eq!(ring.push(round), round);
            let gone = match round % 4_000 {
                0..2_500 => round % 3 / 2,
                _ => 2,
            };
            for _ in 0..gone {
                let popped = ring.pop();
                assert_eq!(popped, (first <= round).then_some((first, first)));
                first = (first + 1).min(round + 1);
            }
            assert_eq!(ring.numbers(), first..round + 1);
            assert_eq!(ring.front().copied(), (first <= round).then_some(first));
            for number in [first, (first + round) / 2, round] {
                let there = (first..=round).contains(&number);
                assert_eq!(ring.get(number).copied(), there.then_some(number));
            }
            assert_eq!(ring.get(round + 1), None);
        }
        let changes = ring.take_some(usize::MAX);
        assert_eq!((changes.gone, changes.new), (0..0, first..10_000));
        let entries = ring.numbers().map(|number| (number, number)).collect();
        let mut loaded = Ring::load(entries, ring.end()).unwrap();
        assert_eq!(loaded.numbers(), ring.numbers());
        assert!(loaded.take_some(usize::MAX).new.is_empty());
        let cleared = loaded.clear();
        assert_eq!((loaded.len(), loaded.push(7)), (0, 10_000));
        assert!(cleared.iter().map(|(number, _)| number).eq(first..10_000));
    }

    #[test]
    fn what_is_shared_does_not_change() {
        let mut ring = Ring::new();
        (0..3_000_u64).for_each(|number| assert_eq!(ring.push(number), number));
        ring.pop();
        let shared = ring.take_whole();
        for gone in 1..2_001 {
            assert_eq!(ring.pop(), Some((gone, gone)));
        }
        (3_000..6_000).for_each(|number| assert_eq!(ring.push(number), number));
        let seen: Vec<(u64, u64)> = shared.iter().map(|(number, entry)| (number, *entry)).collect();
        assert!(seen.into_iter().eq((1..3_000).map(|number| (number, number))));
        assert_eq!(ring.numbers(), 2_001..6_000);
        let changes = ring.take_some(usize::MAX);
        assert_eq!((changes.gone, changes.new), (1..2_001, 3_000..6_000));
    }
}
