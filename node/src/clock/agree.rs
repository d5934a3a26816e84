//! What the clocks of a majority allow: a pure function.
//!
//! Of `n` voters fewer than a majority may have a clock that is wrong in any way. Then among any
//! majority at least one clock is right. So a time that a majority's clocks have reached is not
//! later than what the fastest right clock shows, and one that a majority's have not passed is not
//! earlier than what the slowest right clock shows. With all voters heard, and an odd number of
//! them, both are the median.

use raft::types::Millis;

/// Clocks that were heard may leave the time open by this much, in milliseconds. Beyond it one of
/// them is wrong, and too few were heard to tell which. It is well below the two minutes for which
/// calls are remembered.
pub(super) const SPREAD_MS_MAX: u64 = 30_000;

/// The times that are allowed at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) earliest: Millis,
    pub(super) latest: Millis,
}

/// What the clocks that were heard allow, of so many voters. `None` if they are no majority, or
/// contradict each other.
pub(super) fn allowed(mut clocks: Vec<Millis>, voters: usize) -> Option<Allowed> {
    let majority = voters / 2 + 1;
    let reached = clocks.len().checked_sub(majority)?;
    clocks.sort_unstable();
    let (latest, earliest) = (clocks[reached], clocks[majority - 1]);
    let (earliest, latest) = (earliest.min(latest), earliest.max(latest));
    (latest.0 - earliest.0 <= SPREAD_MS_MAX).then_some(Allowed { earliest, latest })
}

impl Allowed {
    /// The same some milliseconds later.
    pub(super) fn later(self, ms: u64) -> Allowed {
        Allowed {
            earliest: self.earliest.after(Millis(ms)),
            latest: self.latest.after(Millis(ms)),
        }
    }

    /// What both allow, if there is such a time.
    pub(super) fn intersection(self, other: Allowed) -> Option<Allowed> {
        let earliest = self.earliest.max(other.earliest);
        let latest = self.latest.min(other.latest);
        (earliest <= latest).then_some(Allowed { earliest, latest })
    }

    /// How far a clock is ahead of what is allowed, in milliseconds; negative if it is behind.
    pub(super) fn offset_ms(self, clock: Millis) -> i64 {
        let nearest = clock.clamp(self.earliest, self.latest);
        let apart = i64::try_from(clock.0.abs_diff(nearest.0)).unwrap_or(i64::MAX);
        if clock < nearest { -apart } else { apart }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: u64 = 365 * 86_400_000;
    const NOW: u64 = 60 * YEAR;

    fn of(clocks: &[u64], voters: usize) -> Option<(u64, u64)> {
        let allowed = allowed(clocks.iter().copied().map(Millis).collect(), voters)?;
        Some((allowed.earliest.0, allowed.latest.0))
    }

    /// Draws numbers; the same each time.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % end
        }
    }

    #[test]
    fn with_a_minority_of_arbitrary_clocks_the_time_is_that_of_right_ones() {
        let mut draw = Draw(7);
        let (mut decided, mut open) = (0, 0);
        for _ in 0..200_000 {
            let voters = 1 + draw.below(7) as usize;
            let wrong = draw.below(voters.div_ceil(2) as u64) as usize;
            let right: Vec<u64> = (wrong..voters).map(|_| NOW + draw.below(2_000)).collect();
            let mut all: Vec<u64> = right.clone();
            all.extend((0..wrong).map(|_| match draw.below(5) {
                0 => 0,
                1 => u64::MAX,
                2 => NOW - YEAR,
                3 => NOW + YEAR,
                _ => NOW - 100_000 + draw.below(200_000),
            }));
            // Some are not heard.
            while draw.below(3) == 0 && all.len() > 1 {
                all.remove(draw.below(all.len() as u64) as usize);
            }
            let all_heard = all.len() == voters;
            let (slowest, fastest) = (*right.iter().min().unwrap(), *right.iter().max().unwrap());
            let Some((earliest, latest)) = of(&all, voters) else {
                open += 1;
                assert!(!all_heard || voters.is_multiple_of(2), "{all:?}");
                continue;
            };
            decided += 1;
            let spread = if all_heard && !voters.is_multiple_of(2) {
                0
            } else {
                SPREAD_MS_MAX
            };
            assert!(
                earliest + spread >= slowest,
                "{all:?} of {voters} allow {earliest}"
            );
            assert!(latest <= fastest + spread, "{all:?} of {voters} allow {latest}");
        }
        assert!(
            decided > 50_000 && open > 1_000,
            "{decided} decided, {open} left open"
        );
    }

    #[test]
    fn too_few_clocks_and_contradictions_decide_nothing() {
        assert_eq!(of(&[], 0), None);
        assert_eq!(of(&[NOW], 1), Some((NOW, NOW)));
        assert_eq!(of(&[NOW], 3), None);
        assert_eq!(of(&[NOW, NOW + 5], 3), Some((NOW, NOW + 5)));
        assert_eq!(of(&[NOW, NOW + YEAR], 3), None);
        assert_eq!(of(&[NOW + YEAR, NOW, NOW + 5], 3), Some((NOW + 5, NOW + 5)));
        assert_eq!(of(&[0, NOW, NOW + 5], 3), Some((NOW, NOW)));
        assert_eq!(of(&[NOW, NOW + YEAR], 2), None);
        assert_eq!(of(&[NOW, NOW, NOW + YEAR, NOW + YEAR], 4), None);
        assert_eq!(
            of(&[NOW, NOW + 1, NOW + 2, NOW + YEAR], 4),
            Some((NOW + 1, NOW + 2))
        );
        assert_eq!(of(&[NOW, NOW + YEAR, NOW + YEAR], 5), None);
    }

    #[test]
    fn a_clock_is_ahead_of_the_latest_or_behind_the_earliest_allowed() {
        let allowed = allowed(vec![Millis(100), Millis(200)], 3).unwrap();
        let offsets = [90, 100, 150, 200, 250].map(|clock| allowed.offset_ms(Millis(clock)));
        assert_eq!(offsets, [-10, 0, 0, 0, 50]);
        assert_eq!(allowed.later(10).offset_ms(Millis(250)), 40);
        assert_eq!(allowed.offset_ms(Millis(u64::MAX)), i64::MAX);
    }
}
