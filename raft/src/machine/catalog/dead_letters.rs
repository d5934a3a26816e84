//! Which queues send their dead letters to which: what redrive policies say, the other way round, so
//! that listing a queue's sources needs not read every queue's policy.
//!
//! A target may be gone or not be there yet: what counts is what policies name. Only sources of the
//! target's own account and region are kept; there can be no others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::redrive;
use crate::command::catalog::ResourceKey;

/// The names of sources by their target.
#[derive(Default)]
pub(super) struct DeadLetterSources {
    by_target: BTreeMap<ResourceKey, BTreeSet<String>>,
}

impl DeadLetterSources {
    /// Notes where a queue with these attributes sends its dead letters, if it does.
    pub(super) fn add(&mut self, source: &ResourceKey, attributes: &BTreeMap<String, String>) {
        if let Some(target) = target(source, attributes) {
            let sources = self.by_target.entry(target).or_default();
            sources.insert(source.name.clone());
        }
    }

    /// The opposite.
    pub(super) fn remove(&mut self, source: &ResourceKey, attributes: &BTreeMap<String, String>) {
        let Some(target) = target(source, attributes) else {
            return;
        };
        if let Some(sources) = self.by_target.get_mut(&target) {
            sources.remove(&source.name);
            if sources.is_empty() {
                self.by_target.remove(&target);
            }
        }
    }

    /// The sources of a target by name, from the first one after `after`.
    pub(super) fn of<'a>(
        &'a self,
        target: &ResourceKey,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let sources = self.by_target.get(target).into_iter();
        sources.flat_map(move |names| {
            names
                .range::<str, _>((start, Bound::Unbounded))
                .map(String::as_str)
        })
    }
}

fn target(source: &ResourceKey, attributes: &BTreeMap<String, String>) -> Option<ResourceKey> {
    let target = redrive::target(attributes.get(redrive::POLICY)?)?;
    let near = target.account == source.account && target.region == source.region;
    near.then_some(target)
}
