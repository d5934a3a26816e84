//! A map from sequences to messages that wastes little memory.
//!
//! Sequences come in order and go mostly in order. A B-tree filled in order stays half empty; pages
//! of neighbours do not, and its own entries become few. Pages are small, because one survivor
//! keeps its whole page.

use std::collections::BTreeMap;

/// Neighbours on a page.
const SLOTS: usize = 16;

/// Values by sequence.
pub(super) struct Pages<T> {
    /// By sequence divided by the size of a page; none is empty.
    pages: BTreeMap<u64, Box<Page<T>>>,
    len: usize,
}

struct Page<T> {
    slots: [Option<T>; SLOTS],
}

impl<T> Pages<T> {
    pub(super) fn new() -> Pages<T> {
        Pages {
            pages: BTreeMap::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&T> {
        let (page, slot) = locate(sequence);
        self.pages.get(&page)?.slots[slot].as_ref()
    }

    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<&mut T> {
        let (page, slot) = locate(sequence);
        self.pages.get_mut(&page)?.slots[slot].as_mut()
    }

    /// Puts a value where there is none.
    pub(super) fn insert(&mut self, sequence: u64, value: T) {
        let (page, slot) = locate(sequence);
        let empty = || {
            Box::new(Page {
                slots: std::array::from_fn(|_| None),
            })
        };
        let page = self.pages.entry(page).or_insert_with(empty);
        let before = page.slots[slot].replace(value);
        assert!(before.is_none(), "sequence {sequence} was already taken");
        self.len += 1;
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<T> {
        let (number, slot) = locate(sequence);
        let page = self.pages.get_mut(&number)?;
        let value = page.slots[slot].take()?;
        if page.slots.iter().all(Option::is_none) {
            self.pages.remove(&number);
        }
        self.len -= 1;
        Some(value)
    }

    /// All values in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.iter_from(0)
    }

    /// All values in order, from a sequence on.
    pub(super) fn iter_from(&self, sequence: u64) -> impl Iterator<Item = (u64, &T)> {
        let pages = self.pages.range(locate(sequence).0..);
        let values = pages.flat_map(|(number, page)| {
            let first = number * SLOTS as u64;
            (first..)
                .zip(&page.slots)
                .filter_map(|(at, slot)| Some((at, slot.as_ref()?)))
        });
        values.skip_while(move |(at, _)| *at < sequence)
    }

    /// Takes all values out, in order.
    pub(super) fn into_values(self) -> impl Iterator<Item = (u64, T)> {
        self.pages.into_iter().flat_map(|(number, page)| {
            let first = number * SLOTS as u64;
            (first..)
                .zip(page.slots)
                .filter_map(|(at, slot)| Some((at, slot?)))
        })
    }
}

fn locate(sequence: u64) -> (u64, usize) {
    (sequence / SLOTS as u64, (sequence % SLOTS as u64) as usize)
}
