//! Which partition of a FIFO queue a message group belongs to, and how much of a queue's limits each partition has.

/// The place of a message group among so many partitions; 0 if there are none. It never changes for the same number of partitions:
/// order, locks and deduplication of a group are one partition's business.
pub fn share(group: &str, partitions: usize) -> usize {
    let hash = crc32c::crc32c(group.as_bytes()) as usize;
    hash.checked_rem(partitions).unwrap_or_default()
}

/// A partition's part of a limit of its queue, rounded up.
pub(super) fn part(limit: usize, partitions: usize) -> usize {
    limit.div_ceil(partitions.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_spread_evenly() {
        for partitions in [2, 3, 4, 7, 16] {
            let mut counts = vec![0; partitions];
            for number in 0..10_000 {
                counts[share(&format!("customer-{number}"), partitions)] += 1;
            }
            let even = 10_000 / partitions;
            let near = |count: &usize| (even * 9 / 10..=even * 11 / 10).contains(count);
            assert!(counts.iter().all(near), "{counts:?}");
        }
    }

    #[test]
    fn parts_add_up_to_the_limit_at_least() {
        assert_eq!(
            [part(10, 0), part(10, 1), part(10, 3), part(10, 20)],
            [10, 10, 4, 1]
        );
    }
}
