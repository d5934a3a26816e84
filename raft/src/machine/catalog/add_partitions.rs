//! AddPartitions: a standard queue grows.
//!
//! What was sent stays where it is; what is sent from now on has more places. Which place a call has follows from how many there
//! are, so the record says how many there were before: retries of earlier calls look there.

use super::create_queue::MAX_PARTITIONS;
use super::{Answer, Catalog, redrive};
use crate::command::catalog::{AddPartitions, CatalogAnswer, Growth};
use crate::types::Millis;

/// For how long a growth is remembered: much longer than any retry takes to come, and than clocks are apart.
pub const GROWTH_SPAN: Millis = Millis(60 * 60 * 1000);

impl Catalog {
    pub(super) fn add_partitions(&mut self, now: Millis, command: AddPartitions) -> Answer {
        let key = command.key.unwrap_or_default();
        let queue = self.existing(&key)?;
        let had = queue.partitions.len() as u32;
        let wanted = command.wanted.min(MAX_PARTITIONS);
        // Groups of a FIFO queue have their places for good. Another number than expected: somebody was faster.
        if had == command.seen && !redrive::is_fifo(&key) && wanted > had {
            queue
                .growths
                .retain(|growth| Millis(growth.at_ms).after(GROWTH_SPAN) > now);
            queue.growths.push(Growth {
                partitions: had,
                at_ms: now.0,
            });
            let new: Vec<u64> = (had..wanted)
                .map(|_| self.place_group(&key, command.replicas, &command.candidates))
                .collect();
            self.existing(&key)?.partitions.extend(new);
            self.queue_changed(key.clone());
        }
        Ok(CatalogAnswer::Queue(self.existing(&key)?.clone()))
    }
}
