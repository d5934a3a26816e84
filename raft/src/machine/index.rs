//! Finds numbered things by a key of 16 bytes that clients may have chosen.
//!
//! The hash has a key of its own, another one in each process, so that nobody can choose keys that
//! collide. Nothing iterates over an index, and what it finds does not depend on its order: two
//! replicas with the same state find the same.
//!
//! A map that doubles moves everything in it. Beyond some thousand keys there are many small maps
//! instead of one, so that no single look-up waits for millions of others to move.

#![expect(
    clippy::disallowed_types,
    reason = "nothing iterates over these maps, so that their order decides nothing"
)]

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// What things are found by.
pub(super) type Key = [u8; 16];

/// Maps of a large index.
const PARTS: usize = 256;
/// An index with more keys than this is divided.
const UNDIVIDED_MAX: usize = 4_096;

/// Numbers by key.
pub(super) struct Index {
    hash: RandomState,
    /// One map, or [`PARTS`] of them.
    parts: Vec<HashMap<Key, u64, RandomState>>,
    len: usize,
}

impl Index {
    pub(super) fn new() -> Index {
        let hash = RandomState::new();
        Index {
            parts: vec![HashMap::with_hasher(hash.clone())],
            hash,
            len: 0,
        }
    }

    /// The number of a key.
    pub(super) fn get(&self, key: &Key) -> Option<u64> {
        self.parts[self.part(key)].get(key).copied()
    }

    /// A key's number is another one from now on.
    pub(super) fn insert(&mut self, key: Key, number: u64) {
        if self.len >= UNDIVIDED_MAX && self.parts.len() == 1 {
            self.divide();
        }
        let part = self.part(&key);
        if self.parts[part].insert(key, number).is_none() {
            self.len += 1;
        }
    }

    /// Forgets a key, if this is its number. Returns whether it was.
    pub(super) fn remove(&mut self, key: &Key, number: u64) -> bool {
        let part = self.part(key);
        let part = &mut self.parts[part];
        if part.get(key) != Some(&number) {
            return false;
        }
        part.remove(key);
        self.len -= 1;
        // A burst must not hold its memory for ever.
        if self.len == 0 {
            *self = Index::new();
        } else if part.len() * 4 < part.capacity() && part.capacity() > 64 {
            part.shrink_to(part.len() * 2);
        }
        true
    }

    fn divide(&mut self) {
        let whole = std::mem::take(&mut self.parts);
        self.parts = (0..PARTS)
            .map(|_| HashMap::with_hasher(self.hash.clone()))
            .collect();
        for (key, number) in whole.into_iter().flatten() {
            let part = self.part(&key);
            self.parts[part].insert(key, number);
        }
    }

    /// By bits that a map of this size uses neither for its places nor for its tags.
    fn part(&self, key: &Key) -> usize {
        match self.parts.len() {
            1 => 0,
            parts => (self.hash.hash_one(key) >> 40) as usize % parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn a_divided_index_finds_what_an_undivided_one_does() {
        let mut index = Index::new();
        for number in 0..20_000 {
            index.insert(key(number), number);
            index.insert(key(number / 2), number);
        }
        assert!(index.parts.len() == PARTS && index.len == 20_000);
        let expected = |number: u64| match number {
            0..10_000 => Some(2 * number + 1),
            10_000..20_000 => Some(number),
            _ => None,
        };
        for number in 0..21_000 {
            assert_eq!(index.get(&key(number)), expected(number), "{number}");
        }
        // An older number of a key is not the one that is found.
        assert!(!index.remove(&key(3), 6));
        assert_eq!(index.get(&key(3)), Some(7));
        for number in 0..20_000 {
            assert!(index.remove(&key(number), expected(number).unwrap()));
            assert_eq!(index.get(&key(number)), None);
        }
        assert!(index.parts.len() == 1 && index.len == 0);
    }

    #[test]
    fn two_indexes_hash_by_keys_of_their_own() {
        let (one, other) = (Index::new(), Index::new());
        let differ = (0..8).any(|n| one.hash.hash_one(key(n)) != other.hash.hash_one(key(n)));
        assert!(differ);
    }
}
