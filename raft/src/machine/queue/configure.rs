//! Configure: adopts the settings that the catalog holds for the queue.

use super::backlog::Backlog;
use super::{Moment, Queue};
use crate::command::queue::{Configure, Outcomes, QueueAnswer};
use crate::types::Millis;

/// What the machine must know of a queue's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The version of the catalog's record; 0 before the first one was seen.
    pub(super) version: u64,
    pub(super) fifo: bool,
    pub(super) retention: Millis,
    pub(super) deduplicate_by_group: bool,
    /// How many partitions the queue has; 0 if only an older version has said anything.
    pub(super) partitions: u32,
}

impl Default for Settings {
    /// SQS's own defaults.
    fn default() -> Settings {
        Settings {
            version: 0,
            fifo: false,
            retention: Millis(4 * 24 * 60 * 60 * 1000),
            deduplicate_by_group: false,
            partitions: 1,
        }
    }
}

impl Queue {
    pub(super) fn configure(&mut self, moment: Moment, command: Configure) -> QueueAnswer {
        if command.version > self.settings.version {
            let was_fifo = self.settings.fifo;
            self.leave_gone();
            self.settings = Settings {
                version: command.version,
                fifo: command.fifo,
                retention: Millis(command.retention_ms),
                deduplicate_by_group: command.deduplicate_by_group,
                partitions: command.partitions,
            };
            if was_fifo != command.fifo {
                let backlog = std::mem::replace(&mut self.backlog, Backlog::new(command.fifo));
                self.backlog = backlog.into_kind(command.fifo);
            }
            self.drop_expired(moment.now);
            self.judged_at = moment.now;
            if let Some(delay_ms) = command.delay_ms.filter(|_| command.fifo) {
                self.redelay(moment.now, Millis(delay_ms));
            }
        }
        QueueAnswer::Outcomes(Outcomes::default())
    }
}
