//! How fast messages may move.

use std::time::Duration;

use tokio::time::Instant;

/// Messages that leave at a time.
const BATCH_MAX: u32 = 100;
/// With a rate, messages leave in this many batches a second, so that they come evenly.
const BATCHES_A_SECOND: u32 = 10;

/// Spreads messages over time.
pub(super) struct Pace {
    rate_max: u32,
    next: Instant,
}

impl Pace {
    /// At most so many messages a second; 0 for as many as can.
    pub(super) fn new(rate_max: u32) -> Pace {
        Pace {
            rate_max,
            next: Instant::now(),
        }
    }

    /// How many may leave at a time.
    pub(super) fn batch(&self) -> usize {
        let batch = match self.rate_max {
            0 => BATCH_MAX,
            rate => (rate / BATCHES_A_SECOND).clamp(1, BATCH_MAX),
        };
        batch as usize
    }

    /// Waits until the next batch may leave, after one of so many messages.
    pub(super) async fn after(&mut self, messages: usize) {
        if self.rate_max > 0 {
            let share = messages as f64 / f64::from(self.rate_max);
            self.next = self.next.max(Instant::now()) + Duration::from_secs_f64(share);
            tokio::time::sleep_until(self.next).await;
        }
    }
}
