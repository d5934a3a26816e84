//! Keys and values as they stand in sled.
//!
//! All keys of a group begin with its id, big-endian. What follows:
//!
//! | then              | value                                                                     |
//! |-------------------|---------------------------------------------------------------------------|
//! | nothing           | the header; so it is the first of the group's keys                        |
//! | `00`, a number    | an undo row (`undo.rs`)                                                   |
//! | `01` to `7f`, ... | a row on side A: the machine's key as it is                               |
//! | `80`, then a key  | a row on side B                                                           |
//!
//! Which side counts is said by the header's checksum, which covers the side, too: it cannot get
//! lost. A machine's keys began with a byte from 01 to 7f.

use std::ops::Range;

use bytes::Bytes;

use crate::types::GroupId;

const CHECKSUM_BYTES: usize = 4;
const GROUP_BYTES: usize = 8;

const UNDO: u8 = 0x00;
const TABLES: Range<u8> = 0x01..0x80;
const SIDE_B: u8 = 0x80;

/// Where a group's rows are. There are two places, so that a whole new state can be written beside
/// the old one, however large both are, and take its place in one small step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    /// What stands between the group's id and a row's key.
    fn infix(self) -> &'static [u8] {
        match self {
            Side::A => &[],
            Side::B => &[SIDE_B],
        }
    }

    /// All keys of a group's rows on this side.
    pub(super) fn range(self, group: GroupId) -> Range<Vec<u8>> {
        match self {
            Side::A => key(group, &[TABLES.start])..key(group, &[SIDE_B]),
            Side::B => key(group, &[SIDE_B])..key(group, &[SIDE_B + 1]),
        }
    }

    /// The key of a row; without a row, what the checksum of a header takes for its key.
    pub(super) fn key(self, group: GroupId, row: &[u8]) -> Vec<u8> {
        [&header_key(group), self.infix(), row].concat()
    }

    /// The row's key within such a key.
    pub(super) fn row_of(self, key: &[u8]) -> &[u8] {
        key.get(GROUP_BYTES + self.infix().len()..).unwrap_or_default()
    }
}

/// What all keys of a group begin with. On its own it is the key of the group's header.
pub(super) fn header_key(group: GroupId) -> [u8; GROUP_BYTES] {
    group.0.to_be_bytes()
}

/// All keys of a group's undo rows.
pub(super) fn undo_range(group: GroupId) -> Range<Vec<u8>> {
    key(group, &[UNDO])..key(group, &[TABLES.start])
}

/// The number of an undo row.
pub(super) fn undo_number(key: &[u8]) -> Option<u32> {
    let number = key.get(GROUP_BYTES + 1..)?;
    number.try_into().ok().map(u32::from_be_bytes)
}

/// The key that `rest` stands for in a group.
pub(super) fn key(group: GroupId, rest: &[u8]) -> Vec<u8> {
    [&header_key(group), rest].concat()
}

/// The group that a key belongs to.
pub(super) fn group_of(key: &[u8]) -> Option<GroupId> {
    let group = key.first_chunk::<GROUP_BYTES>()?;
    Some(GroupId(u64::from_be_bytes(*group)))
}

/// The value, if the checksum matches.
pub(super) fn unseal(key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let (stored, value) = sealed.split_first_chunk::<CHECKSUM_BYTES>()?;
    (u32::from_le_bytes(*stored) == checksum(key, value)).then(|| Bytes::copy_from_slice(value))
}

/// The checksum that a sealed value has.
pub(super) fn seal_of(sealed: &[u8]) -> Option<[u8; CHECKSUM_BYTES]> {
    sealed.first_chunk().copied()
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
