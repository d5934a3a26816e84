//! A bound on what a node sends a second, shared by all who send.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Whoever is about to send waits here until what was sent before has had its time.
pub struct Throttle {
    bytes_per_second: u64,
    free_at: Mutex<Option<Instant>>,
}

impl Throttle {
    /// 0 means without bound.
    pub fn new(bytes_per_second: u64) -> Throttle {
        Throttle {
            bytes_per_second,
            free_at: Mutex::new(None),
        }
    }

    /// Returns when so many bytes may be sent. Whoever comes first goes first.
    pub async fn pass(&self, bytes: usize) {
        if self.bytes_per_second > 0 {
            tokio::time::sleep_until(self.turn(bytes, Instant::now())).await;
        }
    }

    fn turn(&self, bytes: usize, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut free_at = self.free_at.lock();
        let turn = free_at.map_or(now, |free_at| free_at.max(now));
        *free_at = Some(turn + takes);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_takes_its_time_and_a_pause_saves_none() {
        let throttle = Throttle::new(1_000);
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let turns = [
            (500, 0, 0),
            (250, 0, 500),
            (1_000, 600, 750),
            (100, 5_000, 5_000),
            (100, 5_000, 5_100),
        ];
        for (bytes, now, turn) in turns {
            assert_eq!(throttle.turn(bytes, at(now)), at(turn));
        }
    }
}
