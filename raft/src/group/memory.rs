//! What the replicas of a node may remember of answered calls, all together.
//!
//! What is forgotten is decided where all replicas see the same: in the log. A leader says with
//! each batch how much the group may remember, and goes by what its own node has room for.
//! Followers take the leader's word; with leaders spread over the nodes, each looks after its part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::machine::WindowStats;
use crate::types::GroupId;

/// Bytes of all windows of a node: the calls of five minutes at about 15,000 a second.
pub(crate) const REMEMBERED_BYTES_MAX: u64 = 512 << 20;
/// No group has to make do with less.
const SHARE_BYTES_MIN: u64 = 1 << 20;

/// What a node remembers of answered calls; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Default)]
struct Shared {
    bytes: AtomicU64,
    forgotten_early: AtomicU64,
}

impl Memory {
    /// How many bytes a group that has `own` by now may have.
    pub(crate) fn share(&self, own: u64) -> u64 {
        let all = self.0.bytes.load(Ordering::Relaxed).max(own);
        match REMEMBERED_BYTES_MAX.checked_sub(all) {
            Some(room) => own + room,
            None => {
                let share = u128::from(own) * u128::from(REMEMBERED_BYTES_MAX) / u128::from(all);
                u64::try_from(share).unwrap_or(u64::MAX).max(SHARE_BYTES_MIN)
            }
        }
    }

    /// What all replicas have, and what they had to forget before its time since the node started.
    pub(crate) fn stats(&self) -> WindowStats {
        WindowStats {
            bytes: self.0.bytes.load(Ordering::Relaxed),
            forgotten_early: self.0.forgotten_early.load(Ordering::Relaxed),
        }
    }
}

/// Adds up what the replicas of a node have.
#[derive(Default)]
pub(crate) struct Accountant {
    /// What each had forgotten when it was last seen.
    forgotten: BTreeMap<GroupId, u64>,
}

impl Accountant {
    /// Takes what every open replica has. Returns how much was forgotten early since the last call.
    pub(crate) fn account(
        &mut self,
        memory: &Memory,
        windows: impl Iterator<Item = (GroupId, WindowStats)>,
    ) -> u64 {
        let mut seen = BTreeMap::new();
        let (mut bytes, mut forgotten) = (0, 0);
        for (group, window) in windows {
            bytes += window.bytes;
            let before = self.forgotten.get(&group).copied().unwrap_or_default();
            // A replica that was opened again begins at zero.
            forgotten += match window.forgotten_early.checked_sub(before) {
                Some(more) => more,
                None => window.forgotten_early,
            };
            seen.insert(group, window.forgotten_early);
        }
        self.forgotten = seen;
        memory.0.bytes.store(bytes, Ordering::Relaxed);
        memory.0.forgotten_early.fetch_add(forgotten, Ordering::Relaxed);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = REMEMBERED_BYTES_MAX;

    fn window(group: u64, bytes: u64, forgotten_early: u64) -> (GroupId, WindowStats) {
        let window = WindowStats {
            bytes,
            forgotten_early,
        };
        (GroupId(group), window)
    }

    #[test]
    fn groups_share_what_a_node_has_room_for() {
        let (memory, mut accountant) = (Memory::default(), Accountant::default());
        assert_eq!(memory.share(0), MAX);
        let some = [window(1, MAX / 2, 0), window(2, MAX / 4, 0)];
        assert_eq!(accountant.account(&memory, some.into_iter()), 0);
        assert_eq!(memory.share(MAX / 2), MAX * 3 / 4);
        assert_eq!(memory.share(0), MAX / 4);
        // Twice as much as there may be: each has half of what it had.
        let full = [window(1, MAX, 0), window(2, MAX / 2, 0), window(3, MAX / 2, 0)];
        accountant.account(&memory, full.into_iter());
        assert_eq!((memory.share(MAX), memory.share(MAX / 2)), (MAX / 2, MAX / 4));
        assert_eq!(memory.share(10), SHARE_BYTES_MIN);
    }

    #[test]
    fn what_is_forgotten_is_counted_once() {
        let (memory, mut accountant) = (Memory::default(), Accountant::default());
        let mut account = |windows: &[(GroupId, WindowStats)]| {
            let forgotten = accountant.account(&memory, windows.iter().copied());
            (forgotten, memory.stats().forgotten_early)
        };
        assert_eq!(account(&[window(1, 0, 5), window(2, 0, 0)]), (5, 5));
        assert_eq!(account(&[window(1, 0, 7), window(2, 0, 1)]), (3, 8));
        // The first replica was opened again.
        assert_eq!(account(&[window(1, 0, 2), window(2, 0, 1)]), (2, 10));
        assert_eq!(account(&[window(2, 0, 1)]), (0, 10));
    }
}
