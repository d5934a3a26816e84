//! What was sent: id, time, body and the rest of a message that never changes.
//!
//! All of it lies in one allocation of its own. A slice of the batch that brought it would keep the
//! whole batch in memory, and at a backlog of millions each further allocation counts. Checkpoints
//! and replies share it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::message_id::MessageId;
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
pub(super) struct Letter {
    /// Id (16 bytes), time (8), the lengths of group, deduplication id and body (4 each), then these
    /// three and the attributes. A layout in memory only: rows have their own.
    packed: Arc<[u8]>,
}

const ID: Range<usize> = 0..16;
const SENT: Range<usize> = 16..24;
const LENGTHS: [Range<usize>; 3] = [24..28, 28..32, 32..36];
const HEADER: usize = 36;

impl Letter {
    pub(super) fn new(parts: &Parts) -> Letter {
        let texts = [
            parts.group.as_bytes(),
            parts.deduplication_id.as_bytes(),
            parts.body,
        ];
        let length: usize = texts.iter().map(|text| text.len()).sum();
        let mut packed = Vec::with_capacity(HEADER + length + parts.attributes.len());
        packed.extend_from_slice(&parts.id);
        packed.extend_from_slice(&parts.sent.0.to_ne_bytes());
        for text in texts {
            let length = u32::try_from(text.len()).expect("a message is far smaller than 4 GiB");
            packed.extend_from_slice(&length.to_ne_bytes());
        }
        texts.iter().for_each(|text| packed.extend_from_slice(text));
        packed.extend_from_slice(parts.attributes);
        Letter {
            packed: packed.into(),
        }
    }

    /// Its parts.
    pub(super) fn parts(&self) -> Parts<'_> {
        let [group, deduplication_id, body] = self.ranges();
        Parts {
            id: self.array(ID),
            sent: self.sent(),
            group: self.text(group),
            deduplication_id: self.text(deduplication_id),
            attributes: &self.packed[body.end..],
            body: &self.packed[body],
        }
    }

    /// Id, body and attributes, without copying them.
    pub(super) fn shared(&self) -> [Bytes; 3] {
        let [_, _, body] = self.ranges();
        let all = Bytes::from_owner(self.packed.clone());
        [all.slice(ID), all.slice(body.clone()), all.slice(body.end..)]
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Millis {
        Millis(u64::from_ne_bytes(self.array(SENT)))
    }

    /// Its message group; empty for none.
    pub(super) fn group(&self) -> &str {
        let [group, _, _] = self.ranges();
        self.text(group)
    }

    /// About how much memory the message takes.
    pub(super) fn approximate_bytes(&self) -> u64 {
        self.packed.len() as u64 + OVERHEAD_BYTES
    }

    /// Where group, deduplication id and body are.
    fn ranges(&self) -> [Range<usize>; 3] {
        let mut end = HEADER;
        LENGTHS.map(|length| {
            let start = end;
            end += u32::from_ne_bytes(self.array(length)) as usize;
            start..end
        })
    }

    fn text(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.packed[range]).expect("it was packed as a text")
    }

    fn array<const N: usize>(&self, range: Range<usize>) -> [u8; N] {
        self.packed[range]
            .try_into()
            .expect("the ranges of the header fit its fields")
    }
}
