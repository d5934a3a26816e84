//! Histograms for hot paths: to count a value is two additions to atomics, without a lock or an allocation.
//!
//! Bucket bounds double, so that a value's bucket follows from its highest bit. Values are whole numbers in whatever unit the
//! owner says; who shows them converts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts values by size. The first bucket is for those up to `FIRST`, each further one for those up to twice as much, and the
/// last of the `BUCKETS` for all that are greater.
pub struct Histogram<const FIRST: u64, const BUCKETS: usize> {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// What a histogram has counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The greatest value of a bucket, and how many values it has; the last bucket's bound is `u64::MAX`.
    pub buckets: Vec<(u64, u64)>,
    /// The sum of all values.
    pub sum: u64,
}

impl Counted {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

impl<const FIRST: u64, const BUCKETS: usize> Default for Histogram<FIRST, BUCKETS> {
    fn default() -> Self {
        Histogram {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
        }
    }
}

impl<const FIRST: u64, const BUCKETS: usize> Histogram<FIRST, BUCKETS> {
    /// Counts a value.
    pub fn count(&self, value: u64) {
        let doublings = u64::BITS - (value.saturating_sub(1) / FIRST).leading_zeros();
        let bucket = (doublings as usize).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a time, in nanoseconds.
    pub fn count_time(&self, time: Duration) {
        self.count(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What has been counted. Values that are counted meanwhile may be in only a part of it.
    pub fn counted(&self) -> Counted {
        let bounds = (0..BUCKETS).map(|bucket| match bucket {
            last if last + 1 == BUCKETS => u64::MAX,
            bucket => FIRST << bucket,
        });
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        Counted {
            buckets: bounds.zip(counts).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_bucket_whose_bound_they_do_not_exceed() {
        let histogram = Histogram::<10, 5>::default();
        for value in [0, 1, 10, 11, 20, 21, 40, 41, 80, 81, 1_000_000] {
            histogram.count(value);
        }
        let counted = histogram.counted();
        assert_eq!(
            counted.buckets,
            [(10, 3), (20, 2), (40, 2), (80, 2), (u64::MAX, 2)]
        );
        assert_eq!((counted.count(), counted.sum), (11, 1_000_305));
    }

    #[test]
    fn the_longest_time_is_counted_too() {
        let histogram = Histogram::<1_000, 3>::default();
        histogram.count_time(Duration::from_micros(2));
        histogram.count_time(Duration::from_nanos(u64::MAX));
        let counts: Vec<u64> = histogram.counted().buckets.iter().map(|b| b.1).collect();
        assert_eq!(counts, [0, 1, 1]);
    }
}
