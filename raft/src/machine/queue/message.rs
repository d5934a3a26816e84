//! A message: what was sent, which never changes and is shared with checkpoints, and what has
//! happened to it since, which is small and copied.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message as _;

use super::message_id::MessageId;
use crate::command::queue::{Delivered, Receipt, SendEntry};
use crate::machine::row::LoadError;
use crate::machine::tables;
use crate::types::Millis;

/// Length of the id at the start of [`Letter::content`].
const ID_BYTES: usize = 16;

/// A guess of what a message costs in memory beside its content.
const OVERHEAD_BYTES: u64 = 300;

/// What was sent.
pub(super) struct Letter {
    /// Id, body and attributes in one allocation of their own: a slice of the batch that brought
    /// them would keep the whole batch in memory.
    content: Bytes,
    body_end: u32,
    sent: Millis,
    group: Option<Arc<str>>,
    deduplication_id: Option<Box<str>>,
}

impl Letter {
    /// Copies what was sent out of the batch. `group` is the same name as in the entry, shared
    /// among the messages of the group.
    pub(super) fn new(id: MessageId, sent: Millis, entry: &SendEntry, group: Option<Arc<str>>) -> Letter {
        let dedup = entry.deduplication_id.as_str();
        Letter::assemble(&id, &entry.body, &entry.attributes, sent, group, dedup)
    }

    fn assemble(
        id: &[u8],
        body: &[u8],
        attributes: &[u8],
        sent: Millis,
        group: Option<Arc<str>>,
        deduplication_id: &str,
    ) -> Letter {
        let mut content = BytesMut::with_capacity(id.len() + body.len() + attributes.len());
        content.put_slice(id);
        content.put_slice(body);
        let body_end = u32::try_from(content.len()).expect("a body is far smaller than 4 GiB");
        content.put_slice(attributes);
        Letter {
            content: content.freeze(),
            body_end,
            sent,
            group,
            deduplication_id: (!deduplication_id.is_empty()).then(|| deduplication_id.into()),
        }
    }

    fn id(&self) -> Bytes {
        self.content.slice(..ID_BYTES)
    }

    fn body(&self) -> Bytes {
        self.content.slice(ID_BYTES..self.body_end as usize)
    }

    fn attributes(&self) -> Bytes {
        self.content.slice(self.body_end as usize..)
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Millis {
        self.sent
    }

    /// Its message group; empty for none.
    pub(super) fn group(&self) -> &str {
        self.group.as_deref().unwrap_or("")
    }

    fn deduplication_id(&self) -> &str {
        self.deduplication_id.as_deref().unwrap_or("")
    }

    /// About how much memory it takes.
    pub(super) fn approximate_bytes(&self) -> u64 {
        let texts = self.group().len() + self.deduplication_id().len();
        (self.content.len() + texts) as u64 + OVERHEAD_BYTES
    }
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// May be handed out, as far as it is concerned.
    Ready,
    /// Not yet visible for the first time.
    Delayed(Millis),
    /// Handed out and invisible to others.
    InFlight(Millis),
}

impl Place {
    /// When time alone makes it ready.
    pub(super) fn until(self) -> Option<Millis> {
        match self {
            Place::Ready => None,
            Place::Delayed(until) | Place::InFlight(until) => Some(until),
        }
    }

    /// Whether it can be handed out at `now`, as far as it is concerned.
    pub(super) fn is_ready_at(self, now: Millis) -> bool {
        self.until().is_none_or(|until| until <= now)
    }
}

/// What has happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) place: Place,
    pub(super) first_received: Millis,
    pub(super) last_received: Millis,
    pub(super) receive_count: u32,
}

/// A message in the backlog.
pub(super) struct Message {
    pub(super) letter: Arc<Letter>,
    pub(super) history: History,
    /// Whether it is already listed as changed since the last cut.
    pub(super) touched: bool,
}

impl Message {
    /// One that was just sent.
    pub(super) fn new(letter: Letter, place: Place) -> Message {
        let never = Millis(0);
        let history = History {
            place,
            first_received: never,
            last_received: never,
            receive_count: 0,
        };
        Message {
            letter: Arc::new(letter),
            history,
            touched: false,
        }
    }

    /// Its latest delivery, as a reply.
    pub(super) fn delivered(&self, sequence: u64) -> Delivered {
        let delivery = self.history.receive_count;
        Delivered {
            receipt: Some(Receipt { sequence, delivery }),
            message_id: self.letter.id(),
            body: self.letter.body(),
            attributes: self.letter.attributes(),
            sent_ms: self.letter.sent.0,
            first_received_ms: self.history.first_received.0,
            receive_count: delivery,
            group: self.letter.group().to_owned(),
            deduplication_id: self.letter.deduplication_id().to_owned(),
        }
    }

    /// As a row's value.
    pub(super) fn row(&self) -> MessageRow {
        MessageRow {
            letter: self.letter.clone(),
            history: self.history,
        }
    }
}

/// A message as a row's value, not yet encoded. Shares what was sent with the machine.
#[derive(Clone)]
pub struct MessageRow {
    letter: Arc<Letter>,
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
}

impl MessageRow {
    /// The value as it is stored.
    pub fn encode(&self) -> Bytes {
        let (letter, history) = (&self.letter, &self.history);
        let (delayed_until_ms, in_flight_until_ms) = match history.place {
            Place::Ready => (None, None),
            Place::Delayed(until) => (Some(until.0), None),
            Place::InFlight(until) => (None, Some(until.0)),
        };
        let record = MessageRecord {
            id: letter.id(),
            body: letter.body(),
            attributes: letter.attributes(),
            sent_ms: letter.sent.0,
            group: letter.group().to_owned(),
            deduplication_id: letter.deduplication_id().to_owned(),
            delayed_until_ms,
            in_flight_until_ms,
            first_received_ms: history.first_received.0,
            last_received_ms: history.last_received.0,
            receive_count: history.receive_count,
        };
        record.encode_to_vec().into()
    }

    /// The message that a row's value holds. `shared` finds or makes the shared name of a group.
    pub(super) fn decode(
        value: Bytes,
        shared: impl FnOnce(&str) -> Option<Arc<str>>,
    ) -> Result<Message, LoadError> {
        let record =
            MessageRecord::decode(value).map_err(|error| LoadError::undecodable(tables::MESSAGES, error))?;
        if record.id.len() != ID_BYTES {
            return Err(LoadError(format!("a message id of {} bytes", record.id.len())));
        }
        let place = match (record.delayed_until_ms, record.in_flight_until_ms) {
            (None, None) => Place::Ready,
            (Some(until), None) => Place::Delayed(Millis(until)),
            (None, Some(until)) => Place::InFlight(Millis(until)),
            (Some(_), Some(_)) => return Err(LoadError("a message in two places".into())),
        };
        let letter = Letter::assemble(
            &record.id,
            &record.body,
            &record.attributes,
            Millis(record.sent_ms),
            shared(&record.group),
            &record.deduplication_id,
        );
        let history = History {
            place,
            first_received: Millis(record.first_received_ms),
            last_received: Millis(record.last_received_ms),
            receive_count: record.receive_count,
        };
        Ok(Message {
            letter: Arc::new(letter),
            history,
            touched: false,
        })
    }
}
