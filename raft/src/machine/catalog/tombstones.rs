//! Names that were freed a moment ago and may not be used again yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::catalog::ResourceKey;
use crate::types::Millis;

/// SQS refuses a queue's name for this long after its deletion.
const SPAN: Millis = Millis(60 * 1000);

/// Deleted names and when they were deleted.
#[derive(Default)]
pub(super) struct Tombstones {
    by_key: BTreeMap<ResourceKey, Millis>,
    by_time: BTreeSet<(Millis, ResourceKey)>,
}

impl Tombstones {
    pub(super) fn contains(&self, key: &ResourceKey) -> bool {
        self.by_key.contains_key(key)
    }

    /// When a name was deleted.
    pub(super) fn get(&self, key: &ResourceKey) -> Option<Millis> {
        self.by_key.get(key).copied()
    }

    /// All names and when they were deleted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ResourceKey, Millis)> {
        self.by_key.iter().map(|(key, deleted)| (key, *deleted))
    }

    pub(super) fn insert(&mut self, key: ResourceKey, deleted: Millis) {
        if let Some(before) = self.by_key.insert(key.clone(), deleted) {
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((deleted, key));
    }

    /// Frees names whose time has come, and returns them.
    pub(super) fn expire(&mut self, now: Millis) -> Vec<ResourceKey> {
        let mut expired = Vec::new();
        while self
            .by_time
            .first()
            .is_some_and(|(deleted, _)| deleted.after(SPAN) <= now)
        {
            if let Some((_, key)) = self.by_time.pop_first() {
                self.by_key.remove(&key);
                expired.push(key);
            }
        }
        expired
    }
}
