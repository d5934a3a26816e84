//! Import: takes in messages that leave another partition, each once. See [`super::departures`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;

use super::letter::{Letter, Parts};
use super::message::{History, Message, Place};
use super::message_id::{MessageId, message_id};
use super::{Moment, Queue};
use crate::command::queue::{Import, Imported, Outcome, Outcomes, QueueAnswer};
use crate::machine::row::{Delta, LoadError, Row, number_in_key, numbered_key};
use crate::machine::tables;
use crate::planted::{Bug, planted};
use crate::types::Millis;

/// Where messages came from: by group, the number of the last departure that arrived. An entry is kept for good: groups are
/// never reused, and a late repetition must be known.
#[derive(Default)]
pub(super) struct Origins {
    last: BTreeMap<u64, u64>,
    touched: BTreeSet<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OriginRecord {
    #[prost(uint64, tag = "1")]
    last: u64,
}

impl Origins {
    /// Whether this departure has not arrived yet; from now on it has.
    fn arrives(&mut self, origin: u64, number: u64) -> bool {
        let is_new = self.last.get(&origin).is_none_or(|last| number > *last);
        if is_new {
            self.last.insert(origin, number);
            self.touched.insert(origin);
        }
        is_new || planted(Bug::ArrivalForgotten)
    }

    fn row(&self, origin: u64) -> Option<Row> {
        let record = OriginRecord {
            last: *self.last.get(&origin)?,
        };
        Some(Row::encoded(numbered_key(tables::ORIGINS, origin), &record))
    }

    pub(super) fn rows(&self, rows: &mut Vec<Row>) {
        rows.extend(self.last.keys().filter_map(|origin| self.row(*origin)));
    }

    pub(super) fn take_delta(&mut self, delta: &mut Delta) {
        let touched = std::mem::take(&mut self.touched);
        let rows = touched.into_iter().filter_map(|origin| self.row(origin));
        delta.puts.extend(rows);
    }

    /// Puts back what a row says.
    pub(super) fn load(&mut self, key: &[u8], value: Bytes) -> Result<(), LoadError> {
        let record =
            OriginRecord::decode(value).map_err(|error| LoadError::undecodable(tables::ORIGINS, error))?;
        self.last.insert(number_in_key(key)?, record.last);
        Ok(())
    }
}

impl Queue {
    pub(super) fn import(&mut self, moment: Moment, command: Import) -> QueueAnswer {
        for message in command.messages {
            if self.origins.arrives(command.origin, message.number) {
                self.take_in(moment, &message);
            }
        }
        QueueAnswer::Outcomes(Outcomes {
            outcomes: vec![Outcome::Done.into()],
        })
    }

    /// Deduplication does not concern it: it was sent once already.
    fn take_in(&mut self, moment: Moment, message: &Imported) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        // SQS: a dead letter's age counts from its first sending on standard queues, from its move on FIFO queues.
        let (id, sent) = if message.made_new {
            (message_id(moment.seed, moment.now, sequence), moment.now)
        } else {
            let id = MessageId::try_from(message.message_id.as_ref()).unwrap_or_default();
            let sent = Millis(message.sent_ms);
            (id, if self.settings.fifo { moment.now } else { sent })
        };
        self.spare(sent);
        let letter = Letter::new(&Parts {
            id,
            sent,
            group: &message.group,
            deduplication_id: &message.deduplication_id,
            body: &message.body,
            attributes: &message.attributes,
        });
        let history = History {
            place: Place::Ready,
            first_received: Millis(message.first_received_ms),
            last_received: Millis(0),
            receive_count: 0,
            changed: false,
        };
        self.backlog.add(sequence, Message::with_history(letter, history));
    }
}
