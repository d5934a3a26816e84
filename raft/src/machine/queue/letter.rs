//! What was sent: id, time, body and the rest of a message that never changes.
//!
//! In memory all of it lies in one allocation of its own. A slice of the batch that brought it would keep
//! the whole batch, and at a backlog of millions each further allocation counts. Checkpoints and
//! replies share it.
//!
//! A long backlog would not fit into memory. So a letter that a checkpoint has put into a file may leave it: what is needed
//! to hand the message out, or not, stays here. Where a letter lies is this replica's own business, nothing
//! of the state. It is read by whoever needs it, never while entries are applied.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::message_id::MessageId;
use crate::env::DiskFile;
use crate::types::Millis;

/// A guess of what a message costs in memory beside its letter.
const OVERHEAD_BYTES: u64 = 150;

/// The parts of a letter before they are packed.
pub(super) struct Parts<'a> {
    pub(super) id: MessageId,
    pub(super) sent: Millis,
    pub(super) group: &'a str,
    pub(super) deduplication_id: &'a str,
    pub(super) body: &'a [u8],
    pub(super) attributes: &'a [u8],
}

/// What was sent. Clones share it.
#[derive(Clone)]
pub(super) enum Letter {
    /// In memory.
    Held(Packed),
    /// In a file.
    Stored(Stored),
}

/// A letter in one piece.
#[derive(Clone)]
pub(super) struct Packed {
    /// Id (16 bytes), time (8), the lengths of group, deduplication id and body (4 each), all little-endian, then
    /// these three and the attributes. Files of letters have this layout, too; rows have their own.
    bytes: Arc<[u8]>,
}

/// A letter in a file, and what of it is always at hand.
#[derive(Clone)]
pub struct Stored {
    pub(super) file: Arc<dyn DiskFile>,
    /// Where its record begins.
    pub(super) at: u32,
    /// The record's length: a checksum and the packed letter.
    pub(super) length: u32,
    pub(super) sent: Millis,
    pub(super) group: Option<Arc<str>>,
}

const ID: Range<usize> = 0..16;
const SENT: Range<usize> = 16..24;
const LENGTHS: [Range<usize>; 3] = [24..28, 28..32, 32..36];
const HEADER: usize = 36;
/// Before each packed letter in a file: its CRC-32C.
const CHECKSUM: usize = 4;

impl Letter {
    pub(super) fn new(parts: &Parts) -> Letter {
        let texts = [
            parts.group.as_bytes(),
            parts.deduplication_id.as_bytes(),
            parts.body,
        ];
        let length: usize = texts.iter().map(|text| text.len()).sum();
        let mut bytes = Vec::with_capacity(HEADER + length + parts.attributes.len());
        bytes.extend_from_slice(&parts.id);
        bytes.extend_from_slice(&parts.sent.0.to_le_bytes());
        for text in texts {
            let length = u32::try_from(text.len()).expect("a message is far smaller than 4 GiB");
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        texts.iter().for_each(|text| bytes.extend_from_slice(text));
        bytes.extend_from_slice(parts.attributes);
        Letter::Held(Packed { bytes: bytes.into() })
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Millis {
        match self {
            Letter::Held(packed) => packed.sent(),
            Letter::Stored(stored) => stored.sent,
        }
    }

    /// Its message group; empty for none.
    pub(super) fn group(&self) -> &str {
        match self {
            Letter::Held(packed) => packed.group(),
            Letter::Stored(stored) => stored.group.as_deref().unwrap_or_default(),
        }
    }

    /// About how many bytes the message has, wherever they are.
    /// About how many bytes of memory it takes with its message.
    pub(super) fn memory_bytes(&self) -> u64 {
        let held = match self {
            Letter::Held(packed) => packed.bytes.len() as u64,
            Letter::Stored(_) => 0,
        };
        held + OVERHEAD_BYTES
    }

    pub(super) fn approximate_bytes(&self) -> u64 {
        let letter = match self {
            Letter::Held(packed) => packed.bytes.len(),
            Letter::Stored(stored) => stored.length as usize - CHECKSUM,
        };
        letter as u64 + OVERHEAD_BYTES
    }

    /// All of it. Blocks on the disk if it is stored.
    ///
    /// # Errors
    /// If its file cannot be read, or has something else there.
    pub(super) fn fetch(&self) -> io::Result<Packed> {
        match self {
            Letter::Held(packed) => Ok(packed.clone()),
            Letter::Stored(stored) => stored.read(),
        }
    }
}

impl Stored {
    /// Whether a letter can take so many bytes of its file.
    pub(super) fn may_have(length: u32) -> bool {
        length as usize >= CHECKSUM + HEADER
    }

    /// Several letters in their order. Neighbours in a file, as a receive from the front of a backlog takes them, cost one
    /// read together.
    pub(super) fn read_all(letters: &[Stored]) -> io::Result<Vec<Packed>> {
        let mut packed = Vec::with_capacity(letters.len());
        for run in letters.chunk_by(Stored::is_followed_by) {
            let bytes = run.iter().map(|letter| letter.length as usize).sum();
            let mut records = vec![0; bytes];
            run[0].file.read_exact_at(&mut records, u64::from(run[0].at))?;
            let mut rest = &records[..];
            for letter in run {
                let (record, after) = rest.split_at(letter.length as usize);
                packed.push(letter.unpack(record)?);
                rest = after;
            }
        }
        Ok(packed)
    }

    fn is_followed_by(&self, next: &Stored) -> bool {
        Arc::ptr_eq(&self.file, &next.file) && self.at.checked_add(self.length) == Some(next.at)
    }

    fn read(&self) -> io::Result<Packed> {
        let mut record = vec![0; self.length as usize];
        self.file.read_exact_at(&mut record, u64::from(self.at))?;
        self.unpack(&record)
    }

    /// The letter of its record.
    fn unpack(&self, record: &[u8]) -> io::Result<Packed> {
        let whole = record.split_first_chunk::<CHECKSUM>();
        let packed = whole
            .filter(|(checksum, packed)| u32::from_le_bytes(**checksum) == crc32c::crc32c(packed))
            .map(|(_, packed)| Packed { bytes: packed.into() });
        packed.filter(Packed::is_sound).ok_or_else(|| {
            let what = format!("no letter at {} of its file", self.at);
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }
}

impl Packed {
    /// Its record in a file.
    pub(super) fn write_record(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&crc32c::crc32c(&self.bytes).to_le_bytes());
        to.extend_from_slice(&self.bytes);
    }

    /// Its parts.
    pub(super) fn parts(&self) -> Parts<'_> {
        let [group, deduplication_id, body] = self.ranges();
        Parts {
            id: self.array(ID),
            sent: self.sent(),
            group: self.text(group),
            deduplication_id: self.text(deduplication_id),
            attributes: &self.bytes[body.end..],
            body: &self.bytes[body],
        }
    }

    /// Id, body and attributes, without copying them.
    pub(super) fn shared(&self) -> [Bytes; 3] {
        let [_, _, body] = self.ranges();
        let all = Bytes::from_owner(self.bytes.clone());
        [all.slice(ID), all.slice(body.clone()), all.slice(body.end..)]
    }

    fn sent(&self) -> Millis {
        Millis(u64::from_le_bytes(self.array(SENT)))
    }

    fn group(&self) -> &str {
        let [group, _, _] = self.ranges();
        self.text(group)
    }

    /// Whether its lengths fit it.
    fn is_sound(&self) -> bool {
        self.bytes.len() >= HEADER
            && self.ranges()[2].end <= self.bytes.len()
            && self.ranges()[..2]
                .iter()
                .all(|text| std::str::from_utf8(&self.bytes[text.clone()]).is_ok())
    }

    /// Where group, deduplication id and body are.
    fn ranges(&self) -> [Range<usize>; 3] {
        let mut end = HEADER;
        LENGTHS.map(|length| {
            let start = end;
            end += u32::from_le_bytes(self.array(length)) as usize;
            start..end
        })
    }

    fn text(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.bytes[range]).expect("it was packed as a text")
    }

    fn array<const N: usize>(&self, range: Range<usize>) -> [u8; N] {
        self.bytes[range]
            .try_into()
            .expect("the ranges of the header fit its fields")
    }
}
