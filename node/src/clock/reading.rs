//! What another node's clock showed, and what it shows now if nobody has set it since. It is tied
//! to this node's monotonic clock, so that a jump of this node's own wall clock does not move it.

use std::time::Duration;

use raft::types::Millis;
use tokio::time::Instant;

/// After so long without an answer it is not known whether the other clock was set.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// One look at another node's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    at: Instant,
    clock: Millis,
    /// The clock was read at most so long before or after `at`.
    error: Duration,
}

impl Reading {
    /// A clock that showed `clock` some time between `asked` and `answered`.
    pub(super) fn new(asked: Instant, answered: Instant, clock: Millis) -> Reading {
        let error = answered.duration_since(asked) / 2;
        Reading {
            at: asked + error,
            clock,
            error,
        }
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) < FRESH
    }

    /// What the clock shows at `now`, give or take the error.
    pub(super) fn clock(&self, now: Instant) -> Millis {
        self.clock.after(millis(now.duration_since(self.at)))
    }

    /// The better of two readings of one clock, `self` being the later. An earlier one that took
    /// less time on the way says more, as long as both can be true.
    pub(super) fn or_better(self, earlier: Option<Reading>) -> Reading {
        let Some(earlier) = earlier.filter(|earlier| earlier.is_fresh(self.at)) else {
            return self;
        };
        let apart = earlier.clock(self.at).0.abs_diff(self.clock.0);
        let agree = apart <= millis(self.error + earlier.error).0 + 1;
        if agree && earlier.error * 2 < self.error {
            earlier
        } else {
            self
        }
    }
}

/// A span in milliseconds, rounded down.
pub(super) fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(begin: Instant, asked_ms: u64, answered_ms: u64, clock: u64) -> Reading {
        let at = |ms| begin + Duration::from_millis(ms);
        Reading::new(at(asked_ms), at(answered_ms), Millis(clock))
    }

    #[test]
    fn a_clock_goes_on_from_the_middle_of_the_way() {
        let begin = Instant::now();
        let seen = reading(begin, 100, 300, 5_000);
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(seen.clock(at(200)), Millis(5_000));
        assert_eq!(seen.clock(at(1_300)), Millis(6_100));
        assert!(seen.is_fresh(at(10_199)));
        assert!(!seen.is_fresh(at(10_200)));
    }

    #[test]
    fn a_slow_answer_does_not_replace_a_quick_one_unless_the_clock_was_set() {
        let begin = Instant::now();
        let quick = reading(begin, 0, 10, 5_000);
        let late = reading(begin, 1_000, 1_800, 6_300);
        assert_eq!(late.or_better(Some(quick)).error, quick.error);
        assert_eq!(late.or_better(None).error, late.error);
        let set = reading(begin, 1_000, 1_800, 9_000);
        assert_eq!(set.or_better(Some(quick)).error, set.error);
        let much_later = reading(begin, 20_000, 20_800, 25_300);
        assert_eq!(much_later.or_better(Some(quick)).error, much_later.error);
    }
}
