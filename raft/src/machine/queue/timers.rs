//! When invisible messages become ready by themselves.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::types::Millis;

/// Deadlines of delayed messages and of messages in flight, the earliest first.
#[derive(Default)]
pub(super) struct Timers {
    deadlines: BTreeSet<(Millis, u64)>,
}

impl Timers {
    pub(super) fn set(&mut self, deadline: Millis, sequence: u64) {
        self.deadlines.insert((deadline, sequence));
    }

    pub(super) fn unset(&mut self, deadline: Millis, sequence: u64) {
        self.deadlines.remove(&(deadline, sequence));
    }

    /// Some message whose time has come.
    pub(super) fn first_due(&self, now: Millis) -> Option<u64> {
        let (deadline, sequence) = self.deadlines.first()?;
        (*deadline <= now).then_some(*sequence)
    }

    /// All messages whose time has come.
    pub(super) fn due(&self, now: Millis) -> impl Iterator<Item = u64> {
        self.deadlines
            .range(..=(now, u64::MAX))
            .map(|(_, sequence)| *sequence)
    }

    /// Timers from a bound to another, the earliest first.
    pub(super) fn within(
        &self,
        first: Bound<(Millis, u64)>,
        last: Bound<(Millis, u64)>,
    ) -> impl Iterator<Item = (Millis, u64)> {
        self.deadlines.range((first, last)).copied()
    }

    /// The last deadline.
    pub(super) fn last(&self) -> Option<Millis> {
        self.deadlines.last().map(|(deadline, _)| *deadline)
    }

    /// The first deadline that is still to come.
    pub(super) fn next_after(&self, now: Millis) -> Option<Millis> {
        self.deadlines
            .range((now.after(Millis(1)), 0)..)
            .next()
            .map(|(deadline, _)| *deadline)
    }
}
