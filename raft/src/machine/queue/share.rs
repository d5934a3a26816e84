//! Which partition of a FIFO queue a message group belongs to.

/// The place of a message group among so many partitions; 0 if there are none. It never changes for the same number of partitions:
/// order, locks and deduplication of a group are one partition's business.
pub fn share(group: &str, partitions: usize) -> usize {
    let hash = crc32c::crc32c(group.as_bytes()) as usize;
    hash.checked_rem(partitions).unwrap_or_default()
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
}
