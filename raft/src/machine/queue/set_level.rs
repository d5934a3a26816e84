//! SetLevel: from this entry on, the machine behaves by a higher level, on all replicas alike.

use super::Queue;
use crate::command::queue::{Outcomes, QueueAnswer, SetLevel};
use crate::level::Level;

impl Queue {
    pub(super) fn set_level(&mut self, command: SetLevel) -> QueueAnswer {
        self.level = self.level.max(Level(command.to));
        QueueAnswer::Outcomes(Outcomes::default())
    }

    /// What the machine behaves by.
    pub fn level(&self) -> Level {
        self.level
    }
}
