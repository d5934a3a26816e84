//! What the log did, for metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
    /// Records in the latest batch.
    pub last_batch_records: u64,
    /// Bytes handed in and not yet durable.
    pub queued_bytes: u64,
    /// Segments that hold something a group needs, the active one included.
    pub live_segments: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    sync_ns: AtomicU64,
    last_batch_records: AtomicU64,
    pub(super) live_segments: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, batch: BatchStats) {
        let nanos = u64::try_from(batch.took.as_nanos()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(batch.records, Ordering::Relaxed);
        self.bytes.fetch_add(batch.bytes, Ordering::Relaxed);
        self.sync_ns.fetch_add(nanos, Ordering::Relaxed);
        self.last_batch_records.store(batch.records, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, queued_bytes: u64) -> WalStats {
        WalStats {
            batches: self.batches.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            sync_ns: self.sync_ns.load(Ordering::Relaxed),
            last_batch_records: self.last_batch_records.load(Ordering::Relaxed),
            queued_bytes,
            live_segments: self.live_segments.load(Ordering::Relaxed),
        }
    }
}
