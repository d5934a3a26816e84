//! The machine's idea of time: what leaders stamped into batches, never going back.
//!
//! A new leader's wall clock may be behind its predecessor's. Time then stands still until it has
//! caught up, so that sequence order is also order of sending. What leaders do if it is very far
//! behind: `group/pace.rs`.

use crate::types::Millis;

/// The latest time that any batch carried.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    now: Millis,
}

impl Clock {
    /// A clock that shows `now`.
    pub(super) fn at(now: Millis) -> Clock {
        Clock { now }
    }

    /// Takes over a batch's time and returns the machine's.
    pub(super) fn advance(&mut self, stamped_ms: u64) -> Millis {
        self.now = self.clamp(Millis(stamped_ms));
        self.now
    }

    /// What `time` means to the machine: it is never earlier than what it has already seen.
    pub(super) fn clamp(&self, time: Millis) -> Millis {
        self.now.max(time)
    }

    /// The time of the last batch.
    pub(super) fn now(&self) -> Millis {
        self.now
    }
}
