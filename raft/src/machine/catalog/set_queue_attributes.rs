//! SetQueueAttributes: changes attributes of a queue.

use std::collections::BTreeMap;

use super::{Answer, Catalog, refusal};
use crate::command::catalog::{CatalogAnswer, RefusalReason, ResourceKey, SetQueueAttributes};
use crate::types::Millis;

impl Catalog {
    pub(super) fn set_queue_attributes(&mut self, now: Millis, command: SetQueueAttributes) -> Answer {
        let key = command.key.unwrap_or_default();
        let version = self.existing(&key)?.version;
        if command.version != 0 && command.version != version {
            return Err(refusal(RefusalReason::QueueChanged, &key.name));
        }
        self.check_redrive(&key, &command.changes)?;
        self.change_attributes(now, &key, command.changes);
        Ok(CatalogAnswer::Queue(self.existing(&key)?.clone()))
    }

    /// Changes attributes of a queue and keeps what follows from them.
    pub(super) fn change_attributes(
        &mut self,
        now: Millis,
        key: &ResourceKey,
        changes: BTreeMap<String, String>,
    ) {
        let Some(queue) = self.queues.get_mut(key) else {
            return;
        };
        self.dead_letter_sources.remove(key, &queue.attributes);
        let changed = change(&mut queue.attributes, changes);
        self.dead_letter_sources.add(key, &queue.attributes);
        if changed {
            queue.modified_ms = now.0;
            self.queue_changed(key.clone());
        }
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
