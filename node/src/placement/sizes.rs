//! What groups count for, going by what they are told to be. Sizes change all the time, and moving a replica costs as much as it
//! has: so a group counts more or less only once it has been larger or smaller for a while. Until then it counts what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// A group that is more than twice as large as it counts is taken at its word after this time.
const GROWN: Duration = Duration::from_secs(10);
/// So is one that is larger or smaller by a quarter after this time. A queue that fills and drains more often than that counts
/// what it has when it is full; one that is drained for good counts nothing after it.
const LASTING: Duration = Duration::from_secs(600);

/// The sizes that count, in bytes.
#[derive(Default)]
pub struct Sizes(BTreeMap<u64, Size>);

struct Size {
    counts: u64,
    twice: Stretch,
    larger: Stretch,
    smaller: Stretch,
}

impl Sizes {
    /// A group was told to be so large. What is told first counts at once.
    pub fn told(&mut self, group: u64, bytes: u64, now: Instant) {
        let size = self.0.entry(group).or_insert_with(|| Size::first(bytes));
        size.told(bytes, now);
    }

    /// What a group counts, if it was ever told.
    pub fn bytes(&self, group: u64) -> Option<u64> {
        self.0.get(&group).map(|size| size.counts)
    }

    /// Forgets all others.
    pub fn retain(&mut self, groups: &BTreeSet<u64>) {
        self.0.retain(|group, _| groups.contains(group));
    }
}

impl Size {
    fn first(bytes: u64) -> Size {
        Size {
            counts: bytes,
            twice: Stretch::default(),
            larger: Stretch::default(),
            smaller: Stretch::default(),
        }
    }

    fn told(&mut self, bytes: u64, now: Instant) {
        let counts = self.counts;
        self.twice.note(bytes / 2 > counts, bytes, now);
        self.larger.note(bytes > counts + counts / 4, bytes, now);
        self.smaller.note(bytes < counts - counts / 5, bytes, now);
        // The least that it had: it counts no more than it surely is.
        let grown = self.twice.lasted(GROWN, now).or(self.larger.lasted(LASTING, now));
        let least = grown.map(|told| told.least);
        let most = self.smaller.lasted(LASTING, now).map(|told| told.most);
        if let Some(bytes) = least.or(most) {
            *self = Size::first(bytes);
        }
    }
}

/// Since when something has been so each time that it was told.
#[derive(Default)]
struct Stretch(Option<Told>);

#[derive(Clone, Copy)]
struct Told {
    since: Instant,
    least: u64,
    most: u64,
}

impl Stretch {
    fn note(&mut self, is_so: bool, bytes: u64, now: Instant) {
        self.0 = is_so.then(|| match self.0 {
            None => Told {
                since: now,
                least: bytes,
                most: bytes,
            },
            Some(told) => Told {
                least: told.least.min(bytes),
                most: told.most.max(bytes),
                ..told
            },
        });
    }

    fn lasted(&self, time: Duration, now: Instant) -> Option<Told> {
        self.0.filter(|told| now.duration_since(told.since) >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells the size of a group each 5 s, and gives what it counts after each of them.
    fn counts(told: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let (mut sizes, mut now) = (Sizes::default(), Instant::now());
        let told = told.into_iter().map(|bytes| {
            sizes.told(7, bytes, now);
            now += Duration::from_secs(5);
            sizes.bytes(7).unwrap_or(u64::MAX)
        });
        told.collect()
    }

    #[test]
    fn growth_counts_soon_but_not_a_peak() {
        assert_eq!(counts([100, 300, 100, 250, 250]), [100; 5]);
        assert_eq!(counts([100, 500, 400, 600]), [100, 100, 100, 400]);
        assert_eq!(counts([0, 9, 9, 9]), [0, 0, 0, 9]);
        assert_eq!(
            counts([100, 200, 200, 200]),
            [100; 4],
            "it is not twice as large yet"
        );
    }

    #[test]
    fn small_differences_count_once_they_have_lasted() {
        let larger = counts([vec![100], vec![130; 121]].concat());
        assert_eq!(larger[120], 100);
        assert_eq!(larger[121], 130);
        let near = counts([vec![100], [125, 80].repeat(200)].concat());
        assert_eq!(near, [100; 401]);
    }

    #[test]
    fn a_drained_group_counts_nothing_after_a_while_and_one_that_fills_again_always_counts() {
        let drained = counts([vec![1_000], vec![0; 121]].concat());
        assert_eq!(drained[120], 1_000);
        assert_eq!(drained[121], 0);
        let cycle = [vec![1_000; 12], vec![0; 100]].concat();
        assert_eq!(counts(cycle.repeat(10)), [1_000; 1_120]);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let mut sizes = Sizes::default();
        sizes.told(1, 10, Instant::now());
        sizes.told(2, 20, Instant::now());
        sizes.retain(&BTreeSet::from([2]));
        assert_eq!((sizes.bytes(1), sizes.bytes(2)), (None, Some(20)));
    }
}
