//! How fast messages may move.

use std::time::Duration;

use tokio::time::Instant;

/// Messages that leave at a time.
const BATCH_MAX: f64 = 100.0;
/// With a rate, messages leave in this many batches a second, so that they come evenly.
const BATCHES_A_SECOND: f64 = 10.0;

/// Spreads messages over time.
pub(super) struct Pace {
    /// Messages a second; none for as many as can.
    rate: Option<f64>,
    next: Instant,
}

impl Pace {
    /// A part of a task of so many parts, which together move at most so many messages a second; 0 for as many as can.
    pub(super) fn new(rate_max: u32, parts: usize) -> Pace {
        Pace {
            rate: (rate_max > 0).then(|| f64::from(rate_max) / parts.max(1) as f64),
            next: Instant::now(),
        }
    }

    /// How many may leave at a time.
    pub(super) fn batch(&self) -> usize {
        let batch = self.rate.map_or(BATCH_MAX, |rate| rate / BATCHES_A_SECOND);
        batch.clamp(1.0, BATCH_MAX) as usize
    }

    /// Waits until the next batch may leave, after one of so many messages.
    pub(super) async fn after(&mut self, messages: usize) {
        if let Some(rate) = self.rate {
            let share = messages as f64 / rate;
            self.next = self.next.max(Instant::now()) + Duration::from_secs_f64(share);
            tokio::time::sleep_until(self.next).await;
        }
    }
}
