//! Whose messages a standard queue delivered last. Part of the partition's state: it decides what is delivered next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many deliveries are remembered.
pub(super) const DELIVERIES: usize = 100;

/// The tenants of the last deliveries.
#[derive(Default)]
pub(super) struct Recent {
    /// The oldest first; None for a message without a group. The first one is somebody's: what was before has no part in
    /// any count, and without it the same state is always the same row, and mostly a small one.
    deliveries: VecDeque<Option<Arc<str>>>,
    counts: BTreeMap<Arc<str>, usize>,
}

impl Recent {
    /// How many of the last deliveries were a tenant's.
    pub(super) fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// A tenant's message was delivered, or, without a name, one that has no group.
    pub(super) fn push(&mut self, name: &str) {
        let delivery = (!name.is_empty()).then(|| match self.counts.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => name.into(),
        });
        if let Some(name) = &delivery {
            *self.counts.entry(name.clone()).or_default() += 1;
        }
        self.deliveries.push_back(delivery);
        if self.deliveries.len() > DELIVERIES {
            self.forget_oldest();
        }
        while self.deliveries.front().is_some_and(Option::is_none) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(Some(name)) = self.deliveries.pop_front() else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&name);
            }
        }
    }

    /// All of them, the oldest first; empty for a message without a group.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.deliveries.iter().map(|name| name.as_deref());
        names.map(|name| name.unwrap_or_default().to_owned()).collect()
    }
}
