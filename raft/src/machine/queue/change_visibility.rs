//! ChangeVisibility: moves the end of invisibility of messages in flight.

use super::message::Place;
use super::receive::MAX_VISIBILITY;
use super::{Moment, Queue};
use crate::command::queue::{ChangeVisibility, Outcome, Outcomes, QueueAnswer, Receipt, VisibilityEntry};
use crate::planted::{Bug, planted};
use crate::types::Millis;

impl Queue {
    pub(super) fn change_visibility(&mut self, moment: Moment, command: ChangeVisibility) -> QueueAnswer {
        let entries = command.entries.iter();
        let outcomes = entries
            .map(|entry| self.change_one(moment, entry).into())
            .collect();
        QueueAnswer::Outcomes(Outcomes { outcomes })
    }

    fn change_one(&mut self, moment: Moment, entry: &VisibilityEntry) -> Outcome {
        let receipt = entry.receipt.unwrap_or_default();
        let until = moment.now.after(Millis(entry.visibility_ms));
        match self.check(&receipt, until) {
            Ok(()) if until > moment.now => {
                if planted(Bug::ExtensionIgnored) {
                    return Outcome::Done;
                }
                self.backlog.change(receipt.sequence, Place::InFlight(until));
                Outcome::Done
            }
            Ok(()) => {
                self.backlog.change(receipt.sequence, Place::Ready);
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    }

    /// Whether the message may be invisible until then. The receipt must be the latest one on
    /// standard queues too: a consumer that lost a message must not hide it or show it while
    /// another one works on it.
    fn check(&self, receipt: &Receipt, until: Millis) -> Result<(), Outcome> {
        let message = self
            .within_reach(receipt.sequence)
            .ok_or(Outcome::NoSuchMessage)?;
        if !self.was_issued(receipt) {
            return Err(Outcome::NoSuchMessage);
        }
        let in_flight = message.place().is_in_flight_at(self.clock.now());
        if self.is_held_by(receipt) {
            let latest = message.history().last_received.after(MAX_VISIBILITY);
            return if until > latest {
                Err(Outcome::BeyondTwelveHours)
            } else {
                Ok(())
            };
        }
        let superseded = in_flight && self.settings.fifo;
        Err(if superseded {
            Outcome::ReceiptExpired
        } else {
            Outcome::NotInFlight
        })
    }
}
