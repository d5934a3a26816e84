//! A bound on what a node sends a second, shared by all who send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Whoever is about to send waits here until what was sent before has had its time.
pub struct Throttle {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
    passed: AtomicU64,
}

impl Throttle {
    /// 0 means without bound.
    pub fn new(bytes_per_second: u64) -> Throttle {
        Throttle {
            bytes_per_second,
            free_at: Mutex::new(Instant::now()),
            passed: AtomicU64::new(0),
        }
    }

    /// Returns when so many bytes may be sent. Whoever comes first goes first; whoever goes away while waiting takes nothing.
    pub async fn pass(&self, bytes: usize) {
        if self.bytes_per_second > 0 {
            self.wait(bytes).await;
        }
        self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How many bytes were sent so far.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    async fn wait(&self, bytes: usize) {
        let mut free_at = self.free_at.lock().await;
        tokio::time::sleep_until(*free_at).await;
        let takes = bytes as f64 / self.bytes_per_second as f64;
        *free_at = Instant::now() + Duration::from_secs_f64(takes);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_takes_its_time_and_who_goes_away_takes_none() {
        let throttle = Throttle::new(1_000);
        let begun = Instant::now();
        throttle.pass(500).await;
        assert_eq!(throttle.passed(), 500);
        for _ in 0..100 {
            assert!(throttle.pass(60_000).now_or_never().is_none());
        }
        throttle.pass(250).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(500));
        assert_eq!(throttle.passed(), 750);
        throttle.pass(0).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(750));
        // A pause saves nothing up.
        tokio::time::sleep(Duration::from_secs(60)).await;
        throttle.pass(1_000).await;
        throttle.pass(0).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(61_750));
    }
}
