//! Purge: removes every message, and with them what deduplication knows.

use super::backlog::Backlog;
use super::departures::Departures;
use super::{Moment, Queue};
use crate::command::queue::{Outcome, Outcomes, Purge, QueueAnswer};
use crate::types::Millis;

/// SQS allows one purge in this time.
const INTERVAL: Millis = Millis(60 * 1000);

impl Queue {
    pub(super) fn purge(&mut self, moment: Moment, command: &Purge) -> QueueAnswer {
        let too_soon = self
            .last_purge
            .is_some_and(|last| last.after(INTERVAL) > moment.now);
        let outcome = if too_soon && !command.forced {
            Outcome::PurgeInProgress
        } else {
            self.last_purge = Some(moment.now);
            let mut empty = Backlog::new(self.settings.fifo);
            empty.departures = Departures::after(self.backlog.departures.count());
            // Nothing here takes longer the more there is, and neither does the next cut.
            let purged = std::mem::replace(&mut self.backlog, empty);
            self.garbage.add(purged);
            self.garbage.add(self.deduplication.clear());
            self.garbage.add(self.attempts.clear());
            self.since_cut.clear = true;
            (self.gone_until, self.redelay) = (None, None);
            Outcome::Done
        };
        QueueAnswer::Outcomes(Outcomes {
            outcomes: vec![outcome.into()],
        })
    }
}
