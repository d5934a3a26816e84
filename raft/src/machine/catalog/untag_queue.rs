//! UntagQueue: takes tags from a queue. Those that it does not have are no error.

use super::{Answer, Catalog};
use crate::command::catalog::{CatalogAnswer, Done, UntagQueue};

impl Catalog {
    pub(super) fn untag_queue(&mut self, command: UntagQueue) -> Answer {
        let key = command.key.unwrap_or_default();
        let queue = self.existing(&key)?;
        let before = queue.tags.len();
        for tag in &command.tag_keys {
            queue.tags.remove(tag);
        }
        if queue.tags.len() != before {
            self.queue_changed(key);
        }
        Ok(CatalogAnswer::Done(Done {}))
    }
}
