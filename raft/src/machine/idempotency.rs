//! Exactly once across retries: what the first try of an API call was answered.
//!
//! AWS SDKs keep one invocation id over all retries of a call. A command that carries one which
//! the window knows is answered as before and changes nothing, on whichever node the retry lands
//! and whoever leads by then. What exactly is remembered is each machine's own matter.

use super::tables;
use super::window::{Key, Limits};
use crate::types::Millis;

/// For how long answers are remembered. SDKs give up much sooner.
const SPAN: Millis = Millis(2 * 60 * 1000);

/// How many answers a queue partition remembers: at 20,000 writes a second still those of the last 50
/// seconds, longer than any retry takes to come; at about 120 bytes each, 120 MiB when full.
const QUEUE_ENTRIES: usize = 1_048_576;

/// How many answers the catalog remembers; they contain whole records.
const CATALOG_ENTRIES: usize = 8_192;

/// Of a queue partition.
pub(super) const QUEUE: Limits = Limits {
    span: SPAN,
    entries: QUEUE_ENTRIES,
    table: tables::INVOCATIONS,
};

/// Of the catalog.
pub(super) const CATALOG: Limits = Limits {
    span: SPAN,
    entries: CATALOG_ENTRIES,
    table: tables::INVOCATIONS,
};

/// The key of an invocation. `None` if the command carries none, or one of a length that no
/// version of Millrace sends.
pub(super) fn key(invocation: &[u8]) -> Option<Key> {
    Key::try_from(invocation).ok()
}
