//! Message ids: they look like random UUIDs and are the same on every replica.

use crate::machine::mix::mix;
use crate::types::Millis;

/// 16 bytes in the form of a version 4 UUID.
pub(super) type MessageId = [u8; 16];

/// The golden ratio in 64 bits, splitmix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The id of the message with `sequence`, sent at `now` in a batch with `seed`. Time and sequence go
/// in because 64 bits of seed alone would repeat, somewhere, after some billions of batches.
pub(super) fn message_id(seed: u64, now: Millis, sequence: u64) -> MessageId {
    let position = STEP.wrapping_mul(sequence);
    let high = mix(mix(seed).wrapping_add(position));
    let low = mix(mix(seed.rotate_left(32) ^ mix(now.0.wrapping_add(STEP))).wrapping_add(position));
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&low.to_be_bytes());
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}
