//! About how many bytes of memory a partition takes: what a node that runs out of memory goes by.

use super::Queue;

/// A guess of what an entry of a window costs: its key twice, a time, and a small answer.
const WINDOW_ENTRY_BYTES: u64 = 150;

impl Queue {
    /// Letters that are in memory, what each message takes beside its letter, and what is remembered of calls.
    /// Costs nothing: it is kept with every message that comes or goes.
    pub(in crate::machine) fn memory_bytes(&self) -> u64 {
        let entries = self.invocations.len() + self.deduplication.len() + self.attempts.len();
        self.backlog.memory_bytes() + entries as u64 * WINDOW_ENTRY_BYTES
    }
}
