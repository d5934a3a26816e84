//! Keys and values as they stand in sled.

use bytes::Bytes;

use crate::types::GroupId;

const CHECKSUM_BYTES: usize = 4;
const GROUP_BYTES: usize = 8;

/// What all keys of a group begin with. On its own it is the key of the group's header.
pub(super) fn header_key(group: GroupId) -> [u8; GROUP_BYTES] {
    group.0.to_be_bytes()
}

pub(super) fn key(group: GroupId, row: &[u8]) -> Vec<u8> {
    [&header_key(group), row].concat()
}

/// The row's key; empty for the header.
pub(super) fn row_of(key: &[u8]) -> &[u8] {
    key.get(GROUP_BYTES..).unwrap_or_default()
}

/// The group that a key belongs to.
pub(super) fn group_of(key: &[u8]) -> Option<GroupId> {
    let group = key.first_chunk::<GROUP_BYTES>()?;
    Some(GroupId(u64::from_be_bytes(*group)))
}

/// The value with its checksum, which covers the key: a value in the wrong place is damage, too.
pub(super) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(CHECKSUM_BYTES + value.len());
    sealed.extend_from_slice(&checksum(key, value).to_le_bytes());
    sealed.extend_from_slice(value);
    sealed
}

/// The value, if the checksum matches.
pub(super) fn unseal(key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let (stored, value) = sealed.split_first_chunk::<CHECKSUM_BYTES>()?;
    (u32::from_le_bytes(*stored) == checksum(key, value)).then(|| Bytes::copy_from_slice(value))
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
