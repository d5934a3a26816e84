//! Receive request attempts: a FIFO consumer that does not know what became of a receive makes it again under the
//! same id, and gets the same messages with the same receipt handles, hidden for the whole timeout again.
//!
//! SQS: "You can use ReceiveRequestAttemptId only for 5 minutes", and only if none of the messages was deleted or
//! had its visibility changed since; after that it refuses the id. Two things the reference leaves open. A
//! repetition is no further delivery: receipt handle and receive count are the same number here, and a bad network
//! is no reason for a message to become a dead letter. And a timeout that has passed changes nothing, as long as the
//! messages are still what their groups would give out next.
//!
//! Retries of one call are another matter: they have one invocation id, and `remembered.rs` answers them.

use bytes::Bytes;
use prost::Message as _;

use super::dedup;
use super::message::Place;
use super::receive::MAX_VISIBILITY;
use super::{Moment, Queue};
use crate::command::queue::{Outcome, QueueAnswer, Receipt, Receive, Received};
use crate::level::Level;
use crate::machine::row::LoadError;
use crate::machine::window::{Key, Limits, Remember, Window};
use crate::machine::{idempotency, tables};
use crate::planted::{Bug, planted};
use crate::types::Millis;

/// How many attempts are remembered; the oldest go first. An entry is 100 to 300 bytes, so this is 20 MiB when full,
/// and at 1,000 receives a second with an id still those of the last minute.
const ENTRIES: usize = 65_536;

/// What a machine of a level remembers of them.
pub(super) fn limits(level: Level) -> Limits {
    Limits {
        entries: ENTRIES,
        at_once: idempotency::forgotten_at_once(level),
        ..Limits::of_time(Millis(5 * 60 * 1000), tables::ATTEMPTS)
    }
}

/// The attempts of the last five minutes. An empty receive is none.
pub(super) type Attempts = Window<Attempt>;

/// What a receive with an attempt id gave out.
#[derive(Clone)]
pub(super) struct Attempt {
    receipts: Box<[Receipt]>,
}

impl Attempts {
    /// With no attempts.
    pub(super) fn empty() -> Attempts {
        Window::new(limits(Level::ZERO))
    }
}

impl Queue {
    /// Whether a receive with this attempt id is one that was made before. It is worth proposing even if nothing is
    /// visible: what it is answered does not depend on that.
    pub fn knows_attempt(&self, attempt: &str) -> bool {
        self.settings.fifo && !attempt.is_empty() && self.attempts.get(&dedup::key(attempt, None)).is_some()
    }

    /// The key of a receive's attempt. The parameter "applies only to FIFO queues": on others SQS takes no notice of it.
    pub(super) fn attempt_key(&self, command: &Receive) -> Option<Key> {
        let has_one = self.settings.fifo && !command.attempt.is_empty();
        has_one.then(|| dedup::key(&command.attempt, None))
    }

    /// The answer to an attempt that was made before; `None` if it is a new one.
    pub(super) fn attempt_again(
        &mut self,
        moment: Moment,
        key: &Key,
        visibility: Millis,
    ) -> Option<QueueAnswer> {
        let receipts = self.attempts.get_at(key, moment.now)?.receipts.clone();
        receipts
            .iter()
            .for_each(|receipt| self.end_timer(receipt.sequence));
        if !receipts
            .iter()
            .all(|receipt| self.is_untouched(receipt, &receipts))
        {
            return Some(QueueAnswer::Refused(Outcome::AttemptNotRetryable.into()));
        }
        let visible = receipts.iter().filter(|receipt| !self.is_held_by(receipt));
        let visible = visible.count();
        if visibility > Millis(0) && self.exceeds(visible) {
            return Some(QueueAnswer::Refused(Outcome::TooManyInFlight.into()));
        }
        let messages = receipts.iter().filter_map(|receipt| {
            let message = self.backlog.get(receipt.sequence)?;
            let delivered = message.delivered(receipt.sequence);
            // All timeouts of one delivery together have a limit.
            let latest = message.history().last_received.after(MAX_VISIBILITY);
            let until = moment.now.after(visibility).min(latest);
            let place = if until > moment.now {
                Place::InFlight(until)
            } else {
                Place::Ready
            };
            self.backlog.put(receipt.sequence, place);
            Some(delivered)
        });
        Some(QueueAnswer::Received(Received {
            messages: messages.collect(),
        }))
    }

    /// Remembers what a new attempt was given.
    pub(super) fn remember_attempt(&mut self, moment: Moment, key: Key, received: &Received) {
        let receipts = received.messages.iter().filter_map(|message| message.receipt);
        let receipts: Box<[Receipt]> = receipts.collect();
        if !receipts.is_empty() && !planted(Bug::AttemptForgotten) {
            self.attempts.record(key, moment.now, Attempt { receipts });
        }
    }

    /// Whether nothing was done with a message since this delivery, one of those of an attempt.
    fn is_untouched(&self, receipt: &Receipt, attempt: &[Receipt]) -> bool {
        let Some(message) = self.within_reach(receipt.sequence) else {
            return false;
        };
        let history = message.history();
        let same = history.receive_count == receipt.delivery && !history.changed;
        same && match history.place {
            Place::InFlight(_) => true,
            Place::Ready => self.backlog.is_first(receipt.sequence, |other| {
                attempt.iter().any(|a| a.sequence == other) || self.within_reach(other).is_none()
            }),
            Place::Delayed(_) | Place::Leaving => false,
        }
    }
}

/// As a row holds it.
#[derive(Clone, PartialEq, prost::Message)]
struct AttemptRecord {
    #[prost(message, repeated, tag = "1")]
    receipts: Vec<Receipt>,
}

impl Remember for Attempt {
    fn to_bytes(&self) -> Bytes {
        let record = AttemptRecord {
            receipts: self.receipts.to_vec(),
        };
        record.encode_to_vec().into()
    }

    fn heap_bytes(&self) -> u64 {
        size_of_val(&*self.receipts) as u64
    }

    fn from_bytes(bytes: &Bytes) -> Result<Attempt, LoadError> {
        let record = AttemptRecord::decode(bytes.clone())
            .map_err(|error| LoadError::undecodable(tables::ATTEMPTS, error))?;
        Ok(Attempt {
            receipts: record.receipts.into(),
        })
    }
}
