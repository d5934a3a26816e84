//! SetQueueAttributes: changes attributes of a queue.

use std::collections::BTreeMap;

use super::{Answer, Catalog, RowName, refusal};
use crate::command::catalog::{CatalogAnswer, RefusalReason, SetQueueAttributes};
use crate::types::Millis;

impl Catalog {
    pub(super) fn set_queue_attributes(&mut self, now: Millis, command: SetQueueAttributes) -> Answer {
        let key = command.key.unwrap_or_default();
        let Some(queue) = self.queues.get_mut(&key) else {
            return Err(refusal(RefusalReason::NoSuchQueue, &key.name));
        };
        if change(&mut queue.attributes, command.changes) {
            self.version += 1;
            queue.version = self.version;
            queue.modified_ms = now.0;
            self.changes.touch(RowName::Queue(key));
        }
        Ok(CatalogAnswer::Queue(queue.clone()))
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
