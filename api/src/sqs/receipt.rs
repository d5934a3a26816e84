//! Receipt handles: what stands for one delivery of one message.
//!
//! To clients a handle is opaque text. The checksum tells a mistyped or foreign handle from one of
//! ours; it is no protection, and needs none: a handle only helps those who may use the queue.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

use super::errors;
use crate::error::ApiError;

/// The layout below; another one would be another number.
const VERSION: u8 = 1;
/// Version, group, sequence, delivery, checksum.
const BYTES: usize = 1 + 8 + 8 + 4 + 4;

/// One delivery of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReceiptHandle {
    /// The Raft group of the queue's partition.
    pub group: u64,
    /// The message's sequence within the partition.
    pub sequence: u64,
    /// The number of the delivery.
    pub delivery: u32,
}

impl ReceiptHandle {
    /// Reads a handle that a client sent back. Fails with `ReceiptHandleIsInvalid`.
    pub fn parse(text: &str) -> Result<ReceiptHandle, ApiError> {
        ReceiptHandle::decode(text).ok_or_else(|| errors::receipt_handle_is_invalid(text))
    }

    fn decode(text: &str) -> Option<ReceiptHandle> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (content, checksum) = bytes.split_last_chunk::<4>()?;
        let (version, content) = content.split_first()?;
        let (group, content) = content.split_first_chunk::<8>()?;
        let (sequence, delivery) = content.split_first_chunk::<8>()?;
        let handle = ReceiptHandle {
            group: u64::from_be_bytes(*group),
            sequence: u64::from_be_bytes(*sequence),
            delivery: u32::from_be_bytes(delivery.try_into().ok()?),
        };
        let whole = crc32c::crc32c(&bytes[..BYTES - 4]) == u32::from_be_bytes(*checksum);
        (*version == VERSION && whole).then_some(handle)
    }

    fn encode(self) -> [u8; BYTES] {
        let mut bytes = [VERSION; BYTES];
        bytes[1..9].copy_from_slice(&self.group.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.delivery.to_be_bytes());
        let checksum = crc32c::crc32c(&bytes[..BYTES - 4]);
        bytes[21..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

impl fmt::Display for ReceiptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.encode()))
    }
}

impl Serialize for ReceiptHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
