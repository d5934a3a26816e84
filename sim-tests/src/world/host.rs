//! What the operating system of a simulated host tells: how much room its disk has, which a fault sets. The rest is
//! a secret, for a number of the real machine would make each run another one.

use std::path::Path;
use std::sync::Arc;

use raft::env::{Host, ProcessUsage, Space};

use super::Dials;

/// So large that no size of the log is fitted to it.
const DISK_BYTES: u64 = 1 << 40;

pub(super) struct SimHost(pub(super) Arc<Dials>);

impl Host for SimHost {
    fn process(&self) -> Option<ProcessUsage> {
        None
    }

    fn space(&self, _: &Path) -> Option<Space> {
        let free_percent = if self.0.disk_is_nearly_full() { 5 } else { 50 };
        Some(Space {
            total_bytes: DISK_BYTES,
            free_bytes: DISK_BYTES / 100 * free_percent,
        })
    }

    fn memory_limit(&self) -> Option<u64> {
        None
    }

    fn occupied(&self, _: &Path) -> Option<u64> {
        None
    }
}
