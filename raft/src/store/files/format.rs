//! The bytes of a checkpoint file. All numbers are little-endian.
//!
//! | part   | bytes                                                                                   |
//! |--------|-----------------------------------------------------------------------------------------|
//! | head   | magic (8), version (4), group (8), file id (8), CRC-32C of these 28 (4)                 |
//! | record | CRC-32C (4), length of the body (4), kind (1), body                                     |
//! | put    | length of the key (4), key, value                                                       |
//! | delete | key                                                                                     |
//! | commit | mark (8), generation (8), number (8), rows (8), digest of the rows (8), header          |
//!
//! A record's checksum also covers the file's id and the record's position. A block that belongs to
//! another file or to another place is noticed. A block of the same place that is older than it
//! should be is noticed by the next commit record: its count and its digest are of all rows.
//!
//! Only what a commit record closes counts. Commits are numbered from 1 in each file.

use crate::store::StoreError;
use crate::types::GroupId;

const MAGIC: [u8; 8] = *b"MRCHKPNT";
/// The version that this build writes.
pub(super) const VERSION: u32 = 1;
/// The oldest version that this build reads.
const VERSION_MIN: u32 = 1;
/// Where the first record begins.
pub(super) const HEAD_BYTES: usize = 32;
/// Checksum, length and kind of a record.
pub(super) const RECORD_HEAD_BYTES: usize = 9;
/// What a put has before its key.
pub(super) const PUT_HEAD_BYTES: usize = RECORD_HEAD_BYTES + 4;
/// A record's body is not longer. A row has at most one message, which is far smaller.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const COMMIT: u8 = 3;

/// What a commit's body begins with, so that commits can be found behind a damaged record.
pub(super) const MARK: [u8; 8] = *b"MRcommit";
const COMMIT_BYTES: usize = 40;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    pub(super) group: GroupId,
    /// Drawn at random for each file.
    pub(super) id: u64,
}

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Put { key: &'a [u8], value: &'a [u8] },
    Delete { key: &'a [u8] },
    Commit(Commit<'a>),
}

/// What closes a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit<'a> {
    /// The file's generation, which its name says, too.
    pub(super) generation: u64,
    /// Counts the commits of the file.
    pub(super) number: u64,
    /// How many rows there are.
    pub(super) rows: u64,
    /// See `digest.rs`.
    pub(super) digest: u64,
    /// The checkpoint's header.
    pub(super) header: &'a [u8],
}

/// Why bytes are no head, or no record.
#[derive(Debug)]
pub(super) enum Unfit {
    /// They are not what was written.
    Damaged,
    /// Another version of this program has written them. Says what was found and what is known.
    TooNew(String),
    /// The same, for a version that is not read any more.
    TooOld(String),
}

pub(super) fn head(file: FileId) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[12..20].copy_from_slice(&file.group.0.to_le_bytes());
    head[20..28].copy_from_slice(&file.id.to_le_bytes());
    let checksum = crc32c::crc32c(&head[..28]);
    head[28..].copy_from_slice(&checksum.to_le_bytes());
    head
}

pub(super) fn read_head(head: &[u8; HEAD_BYTES]) -> Result<FileId, Unfit> {
    if head[..8] != MAGIC || u32_at(head, 28) != crc32c::crc32c(&head[..28]) {
        return Err(Unfit::Damaged);
    }
    let found = u32_at(head, 8);
    if found > VERSION {
        return Err(Unfit::TooNew(format!(
            "file format {found}, and this build reads {VERSION_MIN} to {VERSION}"
        )));
    }
    if found < VERSION_MIN {
        return Err(Unfit::TooOld(format!(
            "file format {found}, and this build reads {VERSION_MIN} to {VERSION}"
        )));
    }
    Ok(FileId {
        group: GroupId(u64_at(head, 12)),
        id: u64_at(head, 20),
    })
}

/// Appends a record that will stand at `position` of a file.
///
/// # Errors
/// If it is longer than [`BODY_BYTES_MAX`].
pub(super) fn append(
    buffer: &mut Vec<u8>,
    file: FileId,
    position: u64,
    record: &Record<'_>,
) -> Result<(), StoreError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; RECORD_HEAD_BYTES]);
    let kind = match record {
        Record::Put { key, value } => {
            buffer.extend_from_slice(&(key.len() as u32).to_le_bytes());
            buffer.extend_from_slice(key);
            buffer.extend_from_slice(value);
            PUT
        }
        Record::Delete { key } => {
            buffer.extend_from_slice(key);
            DELETE
        }
        Record::Commit(commit) => {
            buffer.extend_from_slice(&MARK);
            for number in [commit.generation, commit.number, commit.rows, commit.digest] {
                buffer.extend_from_slice(&number.to_le_bytes());
            }
            buffer.extend_from_slice(commit.header);
            COMMIT
        }
    };
    let length = buffer.len() - start - RECORD_HEAD_BYTES;
    if length > BODY_BYTES_MAX {
        buffer.truncate(start);
        return Err(StoreError::Failed(format!(
            "a row of {length} bytes cannot be kept"
        )));
    }
    buffer[start + 4..start + 8].copy_from_slice(&(length as u32).to_le_bytes());
    buffer[start + 8] = kind;
    let checksum = checksum(file, position, &buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// The length of a record that begins with these bytes, head included; none if no record does.
pub(super) fn record_bytes(head: &[u8; RECORD_HEAD_BYTES]) -> Option<usize> {
    let length = u32_at(head, 4) as usize;
    (length <= BODY_BYTES_MAX).then_some(RECORD_HEAD_BYTES + length)
}

/// The record in bytes that stand at `position` of a file.
pub(super) fn read(bytes: &[u8], file: FileId, position: u64) -> Result<Record<'_>, Unfit> {
    let (head, body) = bytes
        .split_first_chunk::<RECORD_HEAD_BYTES>()
        .ok_or(Unfit::Damaged)?;
    if u32_at(head, 0) != checksum(file, position, &bytes[4..]) {
        return Err(Unfit::Damaged);
    }
    match head[8] {
        PUT => {
            let (length, rest) = body.split_first_chunk().ok_or(Unfit::Damaged)?;
            let key = rest.split_at_checked(u32::from_le_bytes(*length) as usize);
            let (key, value) = key.ok_or(Unfit::Damaged)?;
            Ok(Record::Put { key, value })
        }
        DELETE => Ok(Record::Delete { key: body }),
        COMMIT if body.len() >= COMMIT_BYTES && body.starts_with(&MARK) => {
            let (numbers, header) = body.split_at(COMMIT_BYTES);
            Ok(Record::Commit(Commit {
                generation: u64_at(numbers, 8),
                number: u64_at(numbers, 16),
                rows: u64_at(numbers, 24),
                digest: u64_at(numbers, 32),
                header,
            }))
        }
        // The checksum is right: it was written so.
        kind => Err(Unfit::TooNew(format!(
            "a record of kind {kind}, and this build knows {PUT} to {COMMIT}"
        ))),
    }
}

fn checksum(file: FileId, position: u64, rest: &[u8]) -> u32 {
    let seed = crc32c::crc32c(&file.id.to_le_bytes());
    let seed = crc32c::crc32c_append(seed, &position.to_le_bytes());
    crc32c::crc32c_append(seed, rest)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
