//! What the log says of runtime threads that stand still: see `raft::env::real::Watchdog`.

use std::time::{Duration, Instant};

use raft::env::real::Standstill;

/// Short ones are told of this often at most.
const PAUSE: Duration = Duration::from_secs(10);
/// One that lasts this long is always told of.
const LONG: Duration = Duration::from_millis(500);

/// Writes to the log, seldom enough.
#[derive(Default)]
pub struct Reporter {
    last: Option<Instant>,
    left_out: u64,
}

impl Reporter {
    /// Takes notice of a thread that stands still, or goes on again.
    pub fn tell(&mut self, still: &Standstill) {
        if !self.is_due(still.lasted, Instant::now()) {
            self.left_out += u64::from(!still.over);
            return;
        }
        let left_out = std::mem::take(&mut self.left_out);
        let (thread, milliseconds) = (&still.thread, still.lasted.as_millis());
        match still.spawned_at {
            _ if still.over => {
                tracing::warn!(
                    thread,
                    milliseconds,
                    "a runtime thread goes on after it stood still"
                );
            }
            Some(place) => tracing::warn!(thread, milliseconds, task = %place, left_out,
                "a runtime thread stands still: its task blocks, and nothing else has its turn"),
            None => tracing::warn!(
                thread,
                milliseconds,
                left_out,
                "a runtime thread stands still: its task blocks, and nothing else has its turn"
            ),
        }
    }

    fn is_due(&mut self, lasted: Duration, now: Instant) -> bool {
        if lasted >= LONG {
            return true;
        }
        let is_due = self.last.is_none_or(|last| now.duration_since(last) >= PAUSE);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_are_told_of_seldom_and_long_ones_always() {
        let (mut reporter, begun) = (Reporter::default(), Instant::now());
        let short = Duration::from_millis(60);
        let mut is_due = |lasted, after: u64| reporter.is_due(lasted, begun + Duration::from_millis(after));
        assert!(is_due(short, 0));
        assert!(!is_due(short, 100) && !is_due(short, 9_900));
        assert!(is_due(LONG, 9_900) && is_due(LONG, 9_901));
        assert!(is_due(short, 10_000));
        assert!(!is_due(short, 10_100));
    }
}
