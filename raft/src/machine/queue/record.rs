//! A message as a row's value.

use bytes::Bytes;
use prost::Message as _;

use super::letter::{Letter, Parts, Stored};
use super::message::{History, Message, Place};
use super::message_id::MessageId;
use crate::machine::row::LoadError;
use crate::machine::tables;
use crate::planted::{Bug, planted};
use crate::types::Millis;

/// A message as a row's value, not yet encoded. Shares what was sent with the machine, or knows where it is.
#[derive(Clone)]
pub struct MessageRow {
    letter: Letter,
    history: History,
}

/// A message as a row holds it.
#[derive(Clone, PartialEq, prost::Message)]
struct MessageRecord {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    body: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    attributes: Bytes,
    #[prost(uint64, tag = "4")]
    sent_ms: u64,
    #[prost(string, tag = "5")]
    group: String,
    #[prost(string, tag = "6")]
    deduplication_id: String,
    #[prost(uint64, optional, tag = "7")]
    delayed_until_ms: Option<u64>,
    #[prost(uint64, optional, tag = "8")]
    in_flight_until_ms: Option<u64>,
    #[prost(uint64, tag = "9")]
    first_received_ms: u64,
    #[prost(uint64, tag = "10")]
    last_received_ms: u64,
    #[prost(uint32, tag = "11")]
    receive_count: u32,
    #[prost(bool, tag = "12")]
    leaving: bool,
    #[prost(bool, tag = "13")]
    changed: bool,
}

impl MessageRecord {
    fn place(&self) -> Result<Place, LoadError> {
        Ok(match (self.delayed_until_ms, self.in_flight_until_ms) {
            (None, None) if self.leaving => Place::Leaving,
            (None, None) => Place::Ready,
            (Some(until), None) => Place::Delayed(Millis(until)),
            (None, Some(_)) if planted(Bug::InFlightForgotten) => Place::Ready,
            (None, Some(until)) => Place::InFlight(Millis(until)),
            (Some(_), Some(_)) => return Err(LoadError::Damaged("a message in two places".into())),
        })
    }

    fn history(&self) -> Result<History, LoadError> {
        Ok(History {
            place: self.place()?,
            first_received: Millis(self.first_received_ms),
            last_received: Millis(self.last_received_ms),
            receive_count: self.receive_count,
            changed: self.changed,
        })
    }
}

impl MessageRow {
    /// Of a message as it now is.
    pub(super) fn new(message: &Message) -> MessageRow {
        MessageRow {
            letter: message.letter().clone(),
            history: message.history(),
        }
    }

    /// About how many bytes of memory it takes, with what it shares with the machine.
    pub(in crate::machine) fn memory_bytes(&self) -> usize {
        usize::try_from(self.letter.memory_bytes()).unwrap_or(usize::MAX)
    }

    /// The value as it is stored. Blocks on the disk if the letter is in a file.
    ///
    /// # Panics
    /// If the letter's file cannot be read: then nothing can be said about the message.
    pub fn encode(&self) -> Bytes {
        self.try_encode()
            .unwrap_or_else(|error| panic!("a message cannot be read: {error}"))
    }

    /// The same, for who can do something about it.
    ///
    /// # Errors
    /// If the letter's file cannot be read.
    pub fn try_encode(&self) -> std::io::Result<Bytes> {
        let letter = self.letter.fetch()?;
        let parts = letter.parts();
        let [id, body, attributes] = letter.shared();
        let record = MessageRecord {
            id,
            body,
            attributes,
            sent_ms: parts.sent.0,
            group: parts.group.to_owned(),
            deduplication_id: parts.deduplication_id.to_owned(),
            ..self.history_record()
        };
        Ok(record.encode_to_vec().into())
    }

    /// The value of a message whose letter is in a chunk: what has happened to it; none if nothing has.
    pub fn encode_history(&self) -> Option<Bytes> {
        let record = self.history_record();
        (record != MessageRecord::default()).then(|| record.encode_to_vec().into())
    }

    fn history_record(&self) -> MessageRecord {
        let history = &self.history;
        let (delayed_until_ms, in_flight_until_ms) = match history.place {
            Place::Ready | Place::Leaving => (None, None),
            Place::Delayed(until) => (Some(until.0), None),
            Place::InFlight(until) => (None, Some(until.0)),
        };
        MessageRecord {
            delayed_until_ms,
            in_flight_until_ms,
            first_received_ms: history.first_received.0,
            last_received_ms: history.last_received.0,
            receive_count: history.receive_count,
            leaving: history.place == Place::Leaving,
            changed: history.changed,
            ..MessageRecord::default()
        }
    }

    /// What was sent is in a file now, and leaves memory.
    pub(crate) fn release(&mut self, stored: Stored) {
        self.letter = Letter::Stored(stored);
    }

    /// About how many bytes it takes.
    pub fn approximate_bytes(&self) -> u64 {
        self.letter.approximate_bytes()
    }

    pub(super) fn letter(&self) -> &Letter {
        &self.letter
    }

    /// A message whose letter is in a chunk, with what has happened to it.
    pub(super) fn restore(letter: Letter, history: Option<Bytes>) -> Result<Message, LoadError> {
        let record = MessageRecord::decode(history.unwrap_or_default())
            .map_err(|error| LoadError::undecodable(tables::MESSAGES, error))?;
        Ok(Message::with_history(letter, record.history()?))
    }

    /// What a row's value holds.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn from_encoded(value: Bytes) -> Result<MessageRow, LoadError> {
        Ok(MessageRow::new(&MessageRow::decode(value)?))
    }

    /// The message that a row's value holds.
    pub(super) fn decode(value: Bytes) -> Result<Message, LoadError> {
        let record =
            MessageRecord::decode(value).map_err(|error| LoadError::undecodable(tables::MESSAGES, error))?;
        let id = MessageId::try_from(record.id.as_ref())
            .map_err(|_| LoadError::Damaged(format!("a message id of {} bytes", record.id.len())))?;
        let letter = Letter::new(&Parts {
            id,
            sent: Millis(record.sent_ms),
            group: &record.group,
            deduplication_id: &record.deduplication_id,
            body: &record.body,
            attributes: &record.attributes,
        });
        Ok(Message::with_history(letter, record.history()?))
    }
}
