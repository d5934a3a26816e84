//! Receive: hands out visible messages and hides them for a while.
//!
//! It is a replicated command, so that a failover neither shows a message early that is in flight
//! nor forgets a receipt.

use super::{Moment, Queue, share};
use crate::command::queue::{Outcome, QueueAnswer, Receive, Received};
use crate::level::Level;
use crate::planted::{Bug, planted};
use crate::types::{GroupId, Millis};

/// SQS's limit of messages in flight, here for each partition.
pub(super) const MAX_IN_FLIGHT: usize = 120_000;

/// A receive that has sent off so many dead letters leaves the others to the next one, from level 1
/// on.
pub const LEAVING_MAX: usize = 1_024;

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
            _ => self.room_for(max),
        };
        let attempt = self.attempt_key(&command);
        if let Some(again) = attempt.and_then(|key| self.attempt_again(moment, &key, visibility)) {
            return again;
        }
        if command.again {
            return QueueAnswer::Received(Received::default());
        }
        self.send_off_dead_letters(&command, max);
        let mut picked = self.backlog.pick(max);
        picked.retain(|sequence| self.may_be_given(*sequence, &command));
        if room == 0 && !picked.is_empty() {
            return QueueAnswer::Refused(Outcome::TooManyInFlight.into());
        }
        let until = moment.now.after(visibility);
        let picked = picked.into_iter().take(room);
        let messages = picked.filter_map(|s| self.backlog.deliver(s, moment.now, until));
        let received = Received {
            messages: messages.collect(),
        };
        self.tally.received += received.messages.len() as u64;
        if let Some(key) = attempt {
            self.remember_attempt(moment, key, &received);
        }
        QueueAnswer::Received(received)
    }

    /// Whether consumers have too many messages if they get so many more.
    pub(super) fn exceeds(&self, more: usize) -> bool {
        let in_flight = self.backlog.in_flight();
        in_flight + more > MAX_IN_FLIGHT && in_flight + more - self.stale_places().in_flight > MAX_IN_FLIGHT
    }

    /// How many of `wanted` more messages consumers may have.
    fn room_for(&self, wanted: usize) -> usize {
        let in_flight = self.backlog.in_flight();
        match in_flight + wanted <= MAX_IN_FLIGHT {
            true => wanted,
            false => MAX_IN_FLIGHT.saturating_sub(in_flight - self.stale_places().in_flight),
        }
    }

    /// Whether a receive may hand out what it would take: what is too old, or received too often,
    /// may be here still.
    fn may_be_given(&self, sequence: u64, command: &Receive) -> bool {
        let leaves = command.receives_max > 0 && !command.dead_letters.is_empty();
        self.within_reach(sequence).is_some_and(|message| {
            let count = message.history().receive_count;
            !leaves || count < command.receives_max
        })
    }

    /// Dead letters that one receive sends off at most.
    fn leaving_max(&self) -> usize {
        match self.level >= Level::ONE {
            true => LEAVING_MAX,
            false => usize::MAX,
        }
    }

    /// Of what this receive would take, lets those go that were received often enough, until none
    /// is, or many have gone.
    fn send_off_dead_letters(&mut self, command: &Receive, max: usize) {
        if command.receives_max == 0 || command.dead_letters.is_empty() {
            return;
        }
        let mut left = 0;
        loop {
            let mut picked = self.backlog.pick(max);
            picked.retain(|sequence| {
                let message = self.within_reach(*sequence);
                message.is_some_and(|m| m.history().receive_count >= command.receives_max)
            });
            if picked.is_empty() || left >= self.leaving_max() {
                return;
            }
            left += picked.len();
            for sequence in picked {
                let target = self.backlog.get(sequence).map(|message| {
                    let partitions = command.dead_letters.len();
                    let place = if planted(Bug::GroupScattered) {
                        sequence as usize % partitions
                    } else {
                        share::share(message.letter().group(), partitions)
                    };
                    GroupId(command.dead_letters[place])
                });
                if let Some(target) = target {
                    self.backlog.depart(sequence, target, 0);
                }
            }
        }
    }
}
