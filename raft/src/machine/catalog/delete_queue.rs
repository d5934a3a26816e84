//! DeleteQueue: removes a queue with its groups. Its name stays taken for a minute, and until its groups can do
//! nothing any more (`closings.rs`).

use super::{Answer, Catalog, RowName, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason, ResourceKey};
use crate::types::Millis;

impl Catalog {
    pub(super) fn delete_queue(&mut self, now: Millis, key: ResourceKey) -> Answer {
        let Some(queue) = self.queues.remove(&key) else {
            return Err(refusal(RefusalReason::NoSuchQueue, &key.name));
        };
        self.dead_letter_sources.remove(&key, &queue.attributes);
        for group_id in queue.partitions {
            if let Some(group) = self.groups.remove(&group_id) {
                self.loads.remove(&group.replicas);
                self.group_changed(group_id);
                if self.holds_names() {
                    self.closings.begin(group);
                    self.changes.touch(RowName::Closing(group_id));
                }
            }
        }
        for task in self.move_tasks.remove_all(&key) {
            self.changes.touch(RowName::MoveTask(task));
        }
        self.changes.touch(RowName::Queue(key.clone()));
        self.changes.touch(RowName::DeletedQueue(key.clone()));
        self.deleted_queues.insert(key, now);
        self.next_version();
        Ok(CatalogAnswer::Done(Done {}))
    }
}
