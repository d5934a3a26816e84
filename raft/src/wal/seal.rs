//! When the last batch is sealed: once nothing follows it.
//!
//! Recovery tells a torn tail from damage by what comes after it, and nothing comes after the last
//! batch. While the log is busy, the next batch does, milliseconds later. When it is idle, the
//! manifest is made to say that the batch was durable. What remains is a batch that rots, or is lost
//! by the disk, before the next one or the seal is written.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far the log is durable, and how far sealed, as batch numbers.
#[derive(Default)]
pub(super) struct Seals {
    durable: AtomicU64,
    /// What was durable at the last look.
    seen: AtomicU64,
    sealed: AtomicU64,
}

impl Seals {
    /// Batch `number` is durable.
    pub(super) fn durable(&self, number: u64) {
        self.durable.store(number, Ordering::Relaxed);
    }

    /// Batch `number` is sealed.
    pub(super) fn sealed(&self, number: u64) {
        self.durable(number);
        self.sealed.store(number, Ordering::Relaxed);
    }

    /// Whether the last batch is to be sealed: it is not, and nothing has followed it since the last look.
    pub(super) fn are_due(&self) -> bool {
        let durable = self.durable.load(Ordering::Relaxed);
        let is_idle = self.seen.swap(durable, Ordering::Relaxed) == durable;
        is_idle && self.sealed.load(Ordering::Relaxed) < durable
    }
}
