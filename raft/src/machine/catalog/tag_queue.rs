//! TagQueue: gives a queue tags. All of them or none: beyond the limit nothing changes.
//!
//! `modified_ms` stays: it tells of attributes.

use super::{Answer, Catalog, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason, TagQueue};

impl Catalog {
    pub(super) fn tag_queue(&mut self, command: TagQueue) -> Answer {
        let key = command.key.unwrap_or_default();
        let queue = self.existing(&key)?;
        let mut tags = queue.tags.clone();
        tags.extend(command.tags);
        if tags.len() > command.tags_max as usize {
            return Err(refusal(RefusalReason::TooManyTags, &key.name));
        }
        if tags != queue.tags {
            queue.tags = tags;
            self.queue_changed(key);
        }
        Ok(CatalogAnswer::Done(Done {}))
    }
}
