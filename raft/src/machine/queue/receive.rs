//! Receive: hands out visible messages and hides them for a while.
//!
//! It is a replicated command, so that a failover neither shows a message early that is in flight
//! nor forgets a receipt.

use super::{Moment, Queue};
use crate::command::queue::{Outcome, QueueAnswer, Receive, Received};
use crate::types::Millis;

/// SQS's limit of messages in flight.
pub(super) const MAX_IN_FLIGHT: usize = 120_000;

/// SQS's limit of messages in one receive.
const MAX_MESSAGES: usize = 10;

/// SQS's limit of a visibility timeout, and of all its extensions since a receive together.
pub(super) const MAX_VISIBILITY: Millis = Millis(12 * 60 * 60 * 1000);

impl Queue {
    pub(super) fn receive(&mut self, moment: Moment, command: Receive) -> QueueAnswer {
        let max = usize::try_from(command.max).map_or(MAX_MESSAGES, |max| max.clamp(1, MAX_MESSAGES));
        let visibility = Millis(command.visibility_ms).min(MAX_VISIBILITY);
        let room = match visibility {
            Millis(0) => max,
            _ => MAX_IN_FLIGHT.saturating_sub(self.backlog.in_flight()),
        };
        let picked = self.backlog.pick(max);
        if room == 0 && !picked.is_empty() {
            return QueueAnswer::Refused(Outcome::TooManyInFlight.into());
        }
        let until = moment.now.after(visibility);
        let picked = picked.into_iter().take(room);
        let messages = picked
            .filter_map(|s| self.backlog.deliver(s, moment.now, until))
            .collect();
        QueueAnswer::Received(Received { messages })
    }
}
