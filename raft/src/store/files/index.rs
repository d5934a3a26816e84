//! Which rows a file has, in little memory: for each row a fingerprint of its key, its hash, and
//! where its record is.
//!
//! That is 24 bytes a row, and about 40 with the table's free places. Whole keys would take twice
//! as much. Two keys of one group with the same 64-bit fingerprint are not to be expected: with a
//! million rows the chance is one in thirty million, and clients cannot look for such keys, because
//! each process draws the fingerprints' seed.

use std::hash::{BuildHasher, Hasher, RandomState};

use rustc_hash::FxHashMap;

use super::digest::row_hash;
use super::format::PUT_HEAD_BYTES;

/// Bits of a slot that say where the record is: files are smaller than a tebibyte.
const POSITION_BITS: u32 = 40;
pub(super) const FILE_BYTES_MAX: u64 = 1 << POSITION_BITS;
/// Lengths are counted in units of so many bytes, so that they fit in what is left.
const LENGTH_UNIT: u64 = 16;

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    hash: u64,
    at: u64,
}

impl Slot {
    /// A row whose record is at `position`.
    pub(super) fn of(key: &[u8], value: &[u8], position: u64) -> Slot {
        let length = ((PUT_HEAD_BYTES + key.len() + value.len()) as u64).div_ceil(LENGTH_UNIT);
        Slot {
            hash: row_hash(key, value),
            at: length << POSITION_BITS | position,
        }
    }

    fn position(self) -> u64 {
        self.at & (FILE_BYTES_MAX - 1)
    }

    fn bytes(self) -> u64 {
        (self.at >> POSITION_BITS) * LENGTH_UNIT
    }
}

/// Makes fingerprints of keys.
#[derive(Clone, Default)]
pub(super) struct Fingerprints(RandomState);

impl Fingerprints {
    pub(super) fn of(&self, key: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}

/// The rows of a file.
#[derive(Default)]
pub(super) struct Index {
    slots: FxHashMap<u64, Slot>,
    digest: u64,
    live_bytes: u64,
}

impl Index {
    /// Puts a row, or removes it.
    pub(super) fn change(&mut self, fingerprint: u64, slot: Option<Slot>) {
        let old = match slot {
            Some(slot) => {
                self.digest = self.digest.wrapping_add(slot.hash);
                self.live_bytes += slot.bytes();
                self.slots.insert(fingerprint, slot)
            }
            None => self.slots.remove(&fingerprint),
        };
        if let Some(old) = old {
            self.digest = self.digest.wrapping_sub(old.hash);
            self.live_bytes -= old.bytes();
        }
    }

    /// Whether the record at this position is what there is of its row.
    pub(super) fn is_live(&self, fingerprint: u64, position: u64) -> bool {
        let slot = self.slots.get(&fingerprint);
        slot.is_some_and(|slot| slot.position() == position)
    }

    pub(super) fn rows(&self) -> u64 {
        self.slots.len() as u64
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// About how many bytes the records of these rows have.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }
}
