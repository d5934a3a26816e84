//! The node-wide bound on entries kept in memory: what was written last, over all groups, stays.

use std::collections::VecDeque;
use std::sync::Arc;

use super::group::Group;

/// What bookkeeping weighs, so that tiny entries are bounded too.
const OVERHEAD: usize = 64;

/// The latest appends in the order of their writing, up to a number of bytes. What slides out is
/// dropped from its group's cache. Purged entries count until they slide out, which errs on the
/// side of less memory.
pub(super) struct CacheWindow {
    bytes_max: usize,
    bytes: usize,
    appends: VecDeque<(Arc<Group>, u64, usize)>,
}

impl CacheWindow {
    pub(super) fn new(bytes_max: usize) -> CacheWindow {
        CacheWindow {
            bytes_max,
            bytes: 0,
            appends: VecDeque::new(),
        }
    }

    /// Entries up to `last` of the group, `bytes` of them new, were written.
    pub(super) fn push(&mut self, group: &Arc<Group>, last: u64, bytes: usize) {
        let weight = bytes + OVERHEAD;
        self.appends.push_back((group.clone(), last, weight));
        self.bytes += weight;
        while self.bytes > self.bytes_max
            && let Some((group, last, weight)) = self.appends.pop_front()
        {
            self.bytes -= weight;
            group.state.lock().entries.evict_through(last);
        }
    }
}
