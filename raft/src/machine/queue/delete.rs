//! Delete: removes messages that were received.

use super::Queue;
use crate::command::queue::{Delete, Outcome, Outcomes, QueueAnswer, Receipt};

impl Queue {
    pub(super) fn delete(&mut self, command: Delete) -> QueueAnswer {
        let outcomes = command
            .receipts
            .iter()
            .map(|receipt| self.delete_one(receipt).into());
        QueueAnswer::Outcomes(Outcomes {
            outcomes: outcomes.collect(),
        })
    }

    fn delete_one(&mut self, receipt: &Receipt) -> Outcome {
        if !self.was_issued(receipt) {
            return Outcome::NoSuchMessage;
        }
        // On a standard queue the receipt of an earlier delivery is as good as the latest one.
        let present = self.within_reach(receipt.sequence).is_some();
        if present && self.settings.fifo && !self.is_held_by(receipt) {
            return Outcome::ReceiptExpired;
        }
        self.tally.deleted += u64::from(present);
        if !self.backlog.departures.delete(receipt.sequence) {
            self.backlog.remove(receipt.sequence);
        }
        Outcome::Done
    }

    /// Whether this machine may ever have handed out such a receipt.
    pub(super) fn was_issued(&self, receipt: &Receipt) -> bool {
        let message = self.within_reach(receipt.sequence);
        let last = message.map_or(u32::MAX, |message| message.history().receive_count);
        (1..self.next_sequence).contains(&receipt.sequence) && (1..=last).contains(&receipt.delivery)
    }
}
