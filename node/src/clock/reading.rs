//! What a clock showed, at several looks in a row. It is tied to this node's monotonic clock, so
//! that a jump of this node's own wall clock does not move it.

use std::time::Duration;

use raft::types::Millis;
use tokio::time::Instant;

/// After so long without an answer it is not known whether the clock was set.
pub(super) const FRESH: Duration = Duration::from_secs(10);
/// The same between two looks that agree.
const GAP_MAX: Duration = Duration::from_secs(3);
/// A look that took longer says too little: this process, or the other one, stood still.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Two readings agree if the clock was set by at most this in between, in milliseconds. It leaves
/// room for rounding and for a clock that is being slewed.
const STEP_MS_MAX: u64 = 10;

/// What a clock showed at the last look, and since when it has been shown to go on without a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    at: Instant,
    clock: Millis,
    /// The clock was read at most so long before or after `at`.
    error: Duration,
    /// It was the same clock from the end of the first look to the beginning of the last one.
    since: Instant,
    until: Instant,
}

impl Reading {
    /// A clock that showed `clock` some time between `asked` and `answered`; none if that is too
    /// long to say anything.
    pub(super) fn new(asked: Instant, answered: Instant, clock: Millis) -> Option<Reading> {
        let took = answered.duration_since(asked);
        let reading = || Reading {
            at: asked + took / 2,
            clock,
            error: took / 2,
            since: answered,
            until: asked,
        };
        (took <= LOOK_MAX).then(reading)
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) < FRESH
    }

    /// The last moment at which it is known that the clock showed this.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// What the clock shows at a moment, give or take the error.
    pub(super) fn clock(&self, moment: Instant) -> Millis {
        let before = millis(self.at.saturating_duration_since(moment));
        let after = millis(moment.saturating_duration_since(self.at));
        Millis(self.clock.after(after).0.saturating_sub(before.0))
    }

    /// What the clock showed at a moment, if it is known that it showed this then.
    pub(super) fn showed(&self, moment: Instant) -> Option<Millis> {
        (self.since <= moment && moment <= self.until).then(|| self.clock(moment))
    }

    /// This look and those before it. Of two values that agree, one that took less time on the way
    /// says more.
    pub(super) fn after(self, earlier: Option<Reading>) -> Reading {
        let Some(earlier) = earlier.filter(|earlier| self.agrees(earlier)) else {
            return self;
        };
        let is_better = earlier.is_fresh(self.at) && earlier.error * 2 < self.error;
        let value = if is_better { earlier } else { self };
        Reading {
            since: earlier.since,
            until: self.until,
            ..value
        }
    }

    fn agrees(&self, earlier: &Reading) -> bool {
        let apart = earlier.clock(self.at).0.abs_diff(self.clock.0);
        let gap = self.until.saturating_duration_since(earlier.until);
        gap < GAP_MAX && apart <= millis(self.error + earlier.error).0 + STEP_MS_MAX
    }
}

/// A span in milliseconds, rounded down.
pub(super) fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begin: Instant, ms: u64) -> Instant {
        begin + Duration::from_millis(ms)
    }

    fn reading(begin: Instant, asked_ms: u64, answered_ms: u64, clock: u64) -> Reading {
        Reading::new(at(begin, asked_ms), at(begin, answered_ms), Millis(clock)).unwrap()
    }

    #[test]
    fn a_clock_goes_on_from_the_middle_of_the_way() {
        let begin = Instant::now();
        let seen = reading(begin, 100, 300, 5_000);
        assert_eq!(seen.clock(at(begin, 200)), Millis(5_000));
        assert_eq!(seen.clock(at(begin, 1_300)), Millis(6_100));
        assert_eq!(seen.clock(at(begin, 150)), Millis(4_950));
        assert!(seen.is_fresh(at(begin, 10_199)));
        assert!(!seen.is_fresh(at(begin, 10_200)));
    }

    #[test]
    fn a_slow_answer_does_not_replace_a_quick_one_unless_the_clock_was_set() {
        let begin = Instant::now();
        let quick = reading(begin, 0, 10, 5_000);
        let late = reading(begin, 1_000, 1_800, 6_300);
        assert_eq!(late.after(Some(quick)).error, quick.error);
        assert_eq!(late.after(None).error, late.error);
        let set = reading(begin, 1_000, 1_800, 9_000);
        assert_eq!(set.after(Some(quick)).error, set.error);
        let much_later = reading(begin, 20_000, 20_800, 25_300);
        assert_eq!(much_later.after(Some(quick)).error, much_later.error);
    }

    #[test]
    fn a_clock_is_known_between_two_looks_that_agree() {
        let begin = Instant::now();
        let known = |seen: Reading, ms| seen.showed(at(begin, ms)).map(|clock| clock.0);
        let first = reading(begin, 0, 10, 5_000);
        assert_eq!(
            (known(first, 0), known(first, 5), known(first, 10)),
            (None, None, None)
        );
        let second = reading(begin, 500, 520, 5_505).after(Some(first));
        assert_eq!((known(second, 9), known(second, 501)), (None, None));
        assert_eq!(
            (known(second, 10), known(second, 500)),
            (Some(5_005), Some(5_495))
        );
        // It was set, or not heard for long.
        let set = reading(begin, 1_000, 1_000, 9_000).after(Some(second));
        assert_eq!((known(set, 500), known(set, 1_000)), (None, Some(9_000)));
        let late = reading(begin, 4_000, 4_000, 12_000).after(Some(set));
        assert_eq!((known(late, 2_000), known(late, 4_000)), (None, Some(12_000)));
    }

    #[test]
    fn a_look_that_took_long_says_nothing() {
        let begin = Instant::now();
        let took = |ms| Reading::new(begin, at(begin, ms), Millis(5_000));
        assert!(took(2_000).is_some() && took(2_001).is_none());
    }
}
