//! What faults turn at a host, and its world reads.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::pages::Pages;

/// Where a process ends within a step of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After so many more calls that change the disk.
    AfterCalls(u64),
    /// Before it writes the first batch of the next segment.
    AtSegment,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::AfterCalls(calls) => write!(f, "after {calls} calls of its disk"),
            Ending::AtSegment => write!(f, "where its log goes on to another segment"),
        }
    }
}

/// The dials of one host. They stay as they are when it dies.
#[derive(Debug, Default)]
pub struct Dials {
    clock_offset_ms: AtomicI64,
    disk_delay_ms: AtomicU64,
    disk_is_full: AtomicBool,
    sync_fails: AtomicBool,
    next_sync_fails: AtomicBool,
    ending: Mutex<Option<Ending>>,
    /// The process has ended within a call of its disk, and all that comes after it fails.
    has_ended: AtomicBool,
    pub(super) pages: Mutex<Pages>,
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

    /// Whether making data durable fails.
    pub fn sync_fails(&self) -> bool {
        self.sync_fails.load(Ordering::Relaxed)
    }

    /// Whether the next sync of the log is to fail.
    pub(super) fn next_sync_fails(&self) -> bool {
        self.next_sync_fails.load(Ordering::Relaxed)
    }

    /// Has the next sync of the log fail, and no other.
    pub fn set_next_sync_fails(&self, fails: bool) {
        self.next_sync_fails.store(fails, Ordering::Relaxed);
    }

    /// Has the process end within a call of its disk, or not any more.
    pub fn set_ending(&self, ending: Option<Ending>) {
        *self.ending.lock() = ending;
    }

    /// Another process begins; the disk works for it.
    pub(super) fn begin_life(&self) {
        self.set_ending(None);
        self.has_ended.store(false, Ordering::Relaxed);
    }

    /// Power was lost: pages whose sync had failed are as they were before. Says how many there were.
    pub(crate) fn lose_pages(&self) -> io::Result<usize> {
        self.pages.lock().lose()
    }

    /// The disk is another one.
    pub(crate) fn forget_pages(&self) {
        self.pages.lock().clear();
    }

    /// To be called before each change of the disk; `is_new_segment` says that it is the first batch of one.
    pub(super) fn change(&self, is_new_segment: bool) -> io::Result<()> {
        let mut ending = self.ending.lock();
        let ends = match &mut *ending {
            Some(Ending::AfterCalls(left)) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            Some(Ending::AtSegment) => is_new_segment,
            None => false,
        };
        if ends {
            *ending = None;
            self.has_ended.store(true, Ordering::Relaxed);
        }
        if self.has_ended.load(Ordering::Relaxed) {
            return Err(io::Error::other("the process has ended"));
        }
        Ok(())
    }

    /// Breaks or repairs that.
    pub fn set_sync_fails(&self, fails: bool) {
        self.sync_fails.store(fails, Ordering::Relaxed);
    }
}
