//! What the log did, for metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::{Counted, Histogram};

/// One write and its sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchStats {
    /// Records in it.
    pub records: u64,
    /// Bytes written, headers included.
    pub bytes: u64,
    /// How long write and fdatasync took together.
    pub took: Duration,
}

/// Called by the writer after each batch, before the batch's callbacks: keep it short.
pub type BatchObserver = Arc<dyn Fn(BatchStats) + Send + Sync>;

/// Totals since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Batches, each with one write and one fdatasync.
    pub batches: u64,
    /// Records in all batches.
    pub records: u64,
    /// Bytes of all batches.
    pub bytes: u64,
    /// Time spent in writes and syncs.
    pub sync_ns: u64,
    /// Bytes handed in and not yet durable.
    pub queued_bytes: u64,
    /// Segments that hold something a group needs, the active one included.
    pub live_segments: u64,
}

/// How batches were distributed since the log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalBatches {
    /// Nanoseconds of a write and its fdatasync.
    pub sync_ns: Counted,
    /// Records of a batch.
    pub records: Counted,
    /// Bytes of a batch.
    pub bytes: Counted,
}

/// From 10 us to 5 s: from a disk with a cache that keeps its word to one that is about to fail.
type SyncTimes = Histogram<10_000, 21>;
/// From 1 to 32,768.
type BatchRecords = Histogram<1, 17>;
/// From a vote, 256 bytes, to the size at which a batch closes, 4 MiB.
type BatchBytes = Histogram<256, 16>;

#[derive(Default)]
pub(super) struct Counters {
    sync_ns: SyncTimes,
    records: BatchRecords,
    bytes: BatchBytes,
    pub(super) live_segments: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, batch: BatchStats) {
        self.sync_ns.count_time(batch.took);
        self.records.count(batch.records);
        self.bytes.count(batch.bytes);
    }

    pub(super) fn batches(&self) -> WalBatches {
        WalBatches {
            sync_ns: self.sync_ns.counted(),
            records: self.records.counted(),
            bytes: self.bytes.counted(),
        }
    }

    pub(super) fn snapshot(&self, queued_bytes: u64) -> WalStats {
        let batches = self.batches();
        WalStats {
            batches: batches.sync_ns.count(),
            records: batches.records.sum,
            bytes: batches.bytes.sum,
            sync_ns: batches.sync_ns.sum,
            queued_bytes,
            live_segments: self.live_segments.load(Ordering::Relaxed),
        }
    }
}
