//! The marks at which a node takes no more, and the hysteresis between them.

use raft::env::Space;

/// How full a node may become.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Sends are refused once so many percent of the data folder's file system are used,
    pub disk_high_percent: u64,
    /// until no more than so many are.
    pub disk_low_percent: u64,
    /// What the process may have of memory; if not given, what the control group or the machine
    /// allows.
    pub memory_limit_bytes: Option<u64>,
}

impl Default for Marks {
    fn default() -> Marks {
        Marks {
            disk_high_percent: 90,
            disk_low_percent: 85,
            memory_limit_bytes: None,
        }
    }
}

/// What is stored may take so many percent of the memory limit; then sends are refused until it is
/// below the second number. The rest is for requests, replies, the log's cache and what the
/// allocator keeps.
const MEMORY_HIGH_PERCENT: u64 = 60;
const MEMORY_LOW_PERCENT: u64 = 50;

/// Segments of the log that must have room on the disk above the high mark: receives and deletes
/// are written, too.
const RESERVED_SEGMENTS: u64 = 4;

/// Two amounts: at the higher one something is full, at the lower one it is no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) high: u64,
    pub(super) low: u64,
}

impl Marks {
    /// The used bytes at which a disk counts as full.
    pub(super) fn disk(&self, space: Space, segment_bytes: u64) -> Bounds {
        let total = space.total_bytes;
        // A disk that holds next to nothing is never filled by more than half.
        let reserved = (RESERVED_SEGMENTS * segment_bytes).min(total / 2);
        let percent = |percent: u64| total / 100 * percent;
        let high = percent(self.disk_high_percent).min(total - reserved);
        let gap = percent(self.disk_high_percent.saturating_sub(self.disk_low_percent));
        Bounds {
            high,
            low: high.saturating_sub(gap),
        }
    }
}

/// The accounted bytes at which memory counts as full.
pub(super) fn memory(limit_bytes: u64) -> Bounds {
    Bounds {
        high: limit_bytes / 100 * MEMORY_HIGH_PERCENT,
        low: limit_bytes / 100 * MEMORY_LOW_PERCENT,
    }
}

/// Whether something is full: from the high mark on, until it is at the low one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gauge {
    pub(super) full: bool,
}

impl Gauge {
    /// Looks again; says whether that has changed anything.
    pub(super) fn look(&mut self, used: u64, bounds: Bounds) -> bool {
        let before = self.full;
        self.full = if before {
            used > bounds.low
        } else {
            used >= bounds.high
        };
        self.full != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(total_bytes: u64) -> Space {
        Space {
            total_bytes,
            free_bytes: 0,
        }
    }

    #[test]
    fn the_log_has_room_above_the_high_mark_of_a_small_disk() {
        let marks = Marks::default();
        let large = marks.disk(space(100_000), 100);
        assert_eq!((large.high, large.low), (90_000, 85_000));
        let small = marks.disk(space(10_000), 500);
        assert_eq!((small.high, small.low), (8_000, 7_500));
        let tiny = marks.disk(space(1_000), 500);
        assert_eq!((tiny.high, tiny.low), (500, 450));
    }

    #[test]
    fn what_is_full_stays_so_until_the_low_mark() {
        let bounds = Bounds { high: 90, low: 80 };
        let mut gauge = Gauge::default();
        let changes: Vec<bool> = [89, 90, 85, 81, 80, 85, 89, 95]
            .map(|used| gauge.look(used, bounds))
            .into();
        assert_eq!(changes, [false, true, false, false, true, false, false, true]);
        assert!(gauge.full);
    }
}
