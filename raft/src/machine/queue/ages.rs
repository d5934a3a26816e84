//! Which messages are older than others that came before them. Sent messages come in the order of their age;
//! what comes from another queue keeps the time at which it was sent there.

use std::collections::BTreeSet;

use crate::types::Millis;

/// Messages that came after younger ones. All others are in the order of their age.
#[derive(Default)]
pub(super) struct Ages {
    newest: Millis,
    stragglers: BTreeSet<(Millis, u64)>,
}

impl Ages {
    /// A message came, with a higher sequence than all before.
    pub(super) fn arrived(&mut self, sent: Millis, sequence: u64) {
        if sent < self.newest {
            self.stragglers.insert((sent, sequence));
        } else {
            self.newest = sent;
        }
    }

    /// A message went.
    pub(super) fn left(&mut self, sent: Millis, sequence: u64) {
        if sent < self.newest {
            self.stragglers.remove(&(sent, sequence));
        }
    }

    /// Those that came after younger ones, the oldest first.
    pub(super) fn stragglers(&self) -> impl Iterator<Item = (Millis, u64)> {
        self.stragglers.iter().copied()
    }
}
