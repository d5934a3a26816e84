//! FIFO deduplication: which message a deduplication id of the last five minutes stands for, also
//! when that message is long deleted.
//!
//! Bounded by time only: forgetting an id early would break what SQS promises. An entry costs
//! about 100 bytes, however long the id is.

use bytes::{Buf, BufMut, Bytes};
use sha2::{Digest, Sha256};

use super::message_id::MessageId;
use crate::level::Level;
use crate::machine::row::LoadError;
use crate::machine::window::{Key, Limits, Remember, Window};
use crate::machine::{idempotency, tables};
use crate::types::Millis;

/// SQS's deduplication interval.
const INTERVAL: Millis = Millis(5 * 60 * 1000);

/// What a machine of a level remembers of them.
pub(super) fn limits(level: Level) -> Limits {
    Limits {
        at_once: idempotency::forgotten_at_once(level),
        ..Limits::of_time(INTERVAL, tables::DEDUPLICATION)
    }
}

/// The deduplication ids of the last five minutes.
pub(super) type Deduplication = Window<Original>;

/// The message that a deduplication id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Original {
    pub(super) id: MessageId,
    pub(super) sequence: u64,
}

impl Deduplication {
    /// With no ids.
    pub(super) fn empty() -> Deduplication {
        Window::new(limits(Level::ZERO))
    }
}

/// The key of a deduplication id, within a group or in the whole queue. A digest instead of the
/// text keeps entries small, and nobody can choose ids that collide.
pub(super) fn key(deduplication_id: &str, within: Option<&str>) -> Key {
    let mut digest = Sha256::new();
    match within {
        None => digest.update([0]),
        Some(group) => {
            digest.update([1]);
            digest.update((group.len() as u64).to_be_bytes());
            digest.update(group);
        }
    }
    digest.update(deduplication_id);
    let digest: [u8; 32] = digest.finalize().into();
    let mut key = Key::default();
    key.copy_from_slice(&digest[..size_of::<Key>()]);
    key
}

/// As a row holds it: the id, then the sequence in big-endian order.
impl Remember for Original {
    fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(24);
        bytes.put_slice(&self.id);
        bytes.put_u64(self.sequence);
        bytes.into()
    }

    fn heap_bytes(&self) -> u64 {
        0
    }

    fn from_bytes(bytes: &Bytes) -> Result<Original, LoadError> {
        let mut rest = bytes.clone();
        if rest.len() != 24 {
            return Err(LoadError::Damaged(format!(
                "a deduplication row of {} bytes",
                rest.len()
            )));
        }
        let mut id = MessageId::default();
        rest.copy_to_slice(&mut id);
        Ok(Original {
            id,
            sequence: rest.get_u64(),
        })
    }
}
