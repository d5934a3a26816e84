//! SetQueueAttributes: changes attributes of a queue.

use std::collections::BTreeMap;

use super::{Answer, Catalog};
use crate::command::catalog::{CatalogAnswer, SetQueueAttributes};
use crate::types::Millis;

impl Catalog {
    pub(super) fn set_queue_attributes(&mut self, now: Millis, command: SetQueueAttributes) -> Answer {
        let key = command.key.unwrap_or_default();
        let queue = self.existing(&key)?;
        if change(&mut queue.attributes, command.changes) {
            queue.modified_ms = now.0;
            self.queue_changed(key.clone());
        }
        Ok(CatalogAnswer::Queue(self.existing(&key)?.clone()))
    }
}

/// Sets attributes, removes those whose new value is empty, and tells whether that changed anything.
fn change(attributes: &mut BTreeMap<String, String>, changes: BTreeMap<String, String>) -> bool {
    let mut changed = false;
    for (name, value) in changes {
        changed |= if value.is_empty() {
            attributes.remove(&name).is_some()
        } else {
            attributes.insert(name, value.clone()).as_ref() != Some(&value)
        };
    }
    changed
}
