//! What faults turn at a host, and its world reads.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The dials of one host. They stay as they are when it dies.
#[derive(Debug, Default)]
pub struct Dials {
    clock_offset_ms: AtomicI64,
    disk_delay_ms: AtomicU64,
    disk_is_full: AtomicBool,
    disk_is_nearly_full: AtomicBool,
    sync_fails: AtomicBool,
}

impl Dials {
    /// How far the host's clock is off.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Ordering::Relaxed)
    }

    /// Sets the clock so far off.
    pub fn set_clock_offset_ms(&self, offset: i64) {
        self.clock_offset_ms.store(offset, Ordering::Relaxed);
    }

    /// How long each round of the disk's workers waits.
    pub fn disk_delay(&self) -> Duration {
        Duration::from_millis(self.disk_delay_ms.load(Ordering::Relaxed))
    }

    /// Makes the disk slow.
    pub fn set_disk_delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.disk_delay_ms.store(delay, Ordering::Relaxed);
    }

    /// Whether nothing can be added to the disk.
    pub fn disk_is_full(&self) -> bool {
        self.disk_is_full.load(Ordering::Relaxed)
    }

    /// Fills the disk, or makes room again.
    pub fn set_disk_full(&self, full: bool) {
        self.disk_is_full.store(full, Ordering::Relaxed);
    }

    /// Whether the disk has little room left, which is not used up.
    pub fn disk_is_nearly_full(&self) -> bool {
        self.disk_is_nearly_full.load(Ordering::Relaxed)
    }

    /// Takes most of the room away, or gives it back.
    pub fn set_disk_nearly_full(&self, full: bool) {
        self.disk_is_nearly_full.store(full, Ordering::Relaxed);
    }

    /// Whether making data durable fails.
    pub fn sync_fails(&self) -> bool {
        self.sync_fails.load(Ordering::Relaxed)
    }

    /// Breaks or repairs that.
    pub fn set_sync_fails(&self, fails: bool) {
        self.sync_fails.store(fails, Ordering::Relaxed);
    }
}
