//! Exactly once across retries: what the first try of an API call was answered.
//!
//! AWS SDKs keep one invocation id over all retries of a call. A command that carries one which
//! the window knows is answered as before and changes nothing but when the answer is forgotten, on
//! whichever node the retry lands and whoever leads by then. What exactly is remembered is each
//! machine's own matter.
//!
//! How long, follows from what SDKs do by default when replies are lost. boto3 waits 60 s for a
//! reply and makes up to five attempts, with pauses of up to 20 s: the last one leaves 255 s after
//! the first. A retry that arrives renews the answer, so that slower clients are served, too.

use super::tables;
use super::window::{Key, Limits};
use crate::level::Level;
use crate::types::Millis;

/// For how long an answer is remembered after the last attempt at its call.
pub(super) const SPAN: Millis = Millis(5 * 60 * 1000);

/// A retry renews an answer that is older than this; a client that repeats a call all the time
/// does not fill the window with it.
pub(super) const RENEWED_AFTER: Millis = Millis(15 * 1000);

/// What a queue partition remembers unless the leader says how much it may: see
/// [`crate::command::Batch::remember_bytes`].
pub(super) const QUEUE_BYTES: u64 = 64 << 20;

/// What the catalog remembers; its answers contain whole records.
const CATALOG_BYTES: u64 = 16 << 20;

/// Answers, and other things that are remembered, that are forgotten at a time: more than come with
/// one batch (1,024 commands with ten entries each), and no long work.
const FORGOTTEN_AT_ONCE: usize = 12_288;

/// Of a queue partition, which may have so many bytes of them.
pub(super) fn queue(level: Level, bytes: u64) -> Limits {
    limits(level, bytes, 1_048_576)
}

/// Of the catalog.
pub(super) fn catalog(level: Level) -> Limits {
    limits(level, CATALOG_BYTES, 8_192)
}

/// Below level 1 every replica forgets as the oldest versions do: after two minutes, and when there
/// are too many.
fn limits(level: Level, bytes: u64, entries_before: usize) -> Limits {
    if level < Level::ONE {
        let span = Millis(2 * 60 * 1000);
        return Limits {
            entries: entries_before,
            ..Limits::of_time(span, tables::INVOCATIONS)
        };
    }
    Limits {
        bytes,
        at_once: FORGOTTEN_AT_ONCE,
        ..Limits::of_time(SPAN, tables::INVOCATIONS)
    }
}

/// How much a machine of a level forgets at a time.
pub(super) fn forgotten_at_once(level: Level) -> usize {
    match level >= Level::ONE {
        true => FORGOTTEN_AT_ONCE,
        false => usize::MAX,
    }
}

/// Whether a retry renews the answer that it gets.
pub(super) fn renews(level: Level) -> bool {
    level >= Level::ONE
}

/// The key of an invocation. `None` if the command carries none, or one of a length that no
/// version of Millrace sends.
pub(super) fn key(invocation: &[u8]) -> Option<Key> {
    Key::try_from(invocation).ok()
}
