//! Receipt handles. To clients they are opaque; to Millrace they say which delivery of which message
//! of which partition is meant, so that they outlive every node that handed them out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::errors;
use crate::error::ApiError;

/// A delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptHandle {
    /// The group of the queue's partition.
    pub group: u64,
    /// The message within the partition.
    pub sequence: u64,
    /// Which of its deliveries.
    pub delivery: u32,
}

/// The first byte: the form of the rest.
const VERSION: u8 = 1;
const LEN: usize = 1 + 8 + 8 + 4 + 4;

impl ReceiptHandle {
    /// As clients see it.
    pub fn encode(&self) -> String {
        let mut bytes = [0; LEN];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.group.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.delivery.to_be_bytes());
        let sum = crc32c::crc32c(&bytes[..21]);
        bytes[21..].copy_from_slice(&sum.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`ReceiptHandle::encode`] wrote.
    ///
    /// # Errors
    /// ReceiptHandleIsInvalid for anything else.
    pub fn decode(handle: &str) -> Result<ReceiptHandle, ApiError> {
        let malformed = || errors::invalid_receipt_handle(handle);
        let bytes = URL_SAFE_NO_PAD.decode(handle).map_err(|_| malformed())?;
        let bytes: [u8; LEN] = bytes.try_into().map_err(|_| malformed())?;
        let sum = u32::from_be_bytes(part(&bytes, 21));
        if bytes[0] != VERSION || sum != crc32c::crc32c(&bytes[..21]) {
            return Err(malformed());
        }
        Ok(ReceiptHandle {
            group: u64::from_be_bytes(part(&bytes, 1)),
            sequence: u64::from_be_bytes(part(&bytes, 9)),
            delivery: u32::from_be_bytes(part(&bytes, 17)),
        })
    }
}

fn part<const N: usize>(bytes: &[u8; LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip_and_refuses_damage() {
        let handle = ReceiptHandle {
            group: 7,
            sequence: u64::MAX,
            delivery: 3,
        };
        let text = handle.encode();
        assert_eq!(ReceiptHandle::decode(&text), Ok(handle));
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).expect("ASCII");
            assert!(ReceiptHandle::decode(&damaged).is_err(), "byte {at}");
        }
        assert!(ReceiptHandle::decode("").is_err());
    }
}
