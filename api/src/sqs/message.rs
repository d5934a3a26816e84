//! A message on its way in, in the two steps of its validation.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::attributes::QueueSettings;
use super::md5::Md5Hex;
use super::message_attributes::{self, MessageAttribute, ValueWire, trace_header_attribute};
use super::{body, errors, wire};
use crate::error::{ApiError, invalid_value};

/// A batch of messages, and so any message, has at most this many bytes.
pub const BYTES_MAX: usize = 1 << 20;
/// Message group ids and deduplication ids are at most this long.
const ID_LENGTH_MAX: usize = 128;
const DELAY_SECONDS_MAX: u32 = 900;

/// What the wire says of a message, for single sends and batch entries alike.
#[derive(Debug, Default)]
pub struct MessageWire {
    /// `MessageBody`.
    pub body: Option<String>,
    /// `DelaySeconds`.
    pub delay_seconds: Option<i64>,
    /// `MessageAttributes`.
    pub attributes: Option<BTreeMap<String, ValueWire>>,
    /// `MessageSystemAttributes`.
    pub system_attributes: Option<BTreeMap<String, ValueWire>>,
    /// `MessageDeduplicationId`.
    pub deduplication_id: Option<String>,
    /// `MessageGroupId`.
    pub group: Option<String>,
}

/// A message of which all is right that can be judged without its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    body: Bytes,
    attributes: Vec<MessageAttribute>,
    trace_header: Option<String>,
    delay_seconds: Option<u32>,
    group: Option<String>,
    deduplication_id: Option<String>,
}

/// A message that its queue takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    /// The body, UTF-8.
    pub body: Bytes,
    /// Message attributes, sorted by name.
    pub attributes: Vec<MessageAttribute>,
    /// The X-Ray header.
    pub trace_header: Option<String>,
    /// How long it stays invisible at first; the queue's own delay is taken into account.
    pub delay_ms: u64,
    /// Its group; empty for none.
    pub group: String,
    /// Its deduplication id, given or made from the body; empty on standard queues.
    pub deduplication_id: String,
    /// The digests for the reply.
    pub digests: Digests,
}

/// The digests of a message that a reply to its sender carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of the body.
    pub body: Md5Hex,
    /// Of the message attributes, if there are any.
    pub attributes: Option<Md5Hex>,
    /// Of the system attributes, if there are any.
    pub system_attributes: Option<Md5Hex>,
}

/// How a message came: some refusals have other codes in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentBy {
    /// `SendMessage`.
    Single,
    /// An entry of `SendMessageBatch`.
    Batch,
}

impl MessageWire {
    /// What the message adds to the size of a batch, whether or not it is otherwise right.
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter().flatten();
        let attributes: usize = attributes.map(|(name, value)| name.len() + value.size()).sum();
        self.body.as_ref().map_or(0, String::len) + attributes
    }
}

impl OutgoingMessage {
    /// The first step of validation.
    pub fn check(message: MessageWire) -> Result<OutgoingMessage, ApiError> {
        let text = wire::required(message.body, "MessageBody")?;
        body::check(&text)?;
        let delay = wire::ranged(
            message.delay_seconds,
            "DelaySeconds",
            0,
            DELAY_SECONDS_MAX,
            "DelaySeconds must be >= 0 and <= 900.",
        )?;
        let message = OutgoingMessage {
            body: text.into(),
            attributes: message_attributes::check(message.attributes)?,
            trace_header: message_attributes::check_system(message.system_attributes)?,
            delay_seconds: delay,
            group: check_id(message.group, "MessageGroupId")?,
            deduplication_id: check_id(message.deduplication_id, "MessageDeduplicationId")?,
        };
        if message.size() > BYTES_MAX {
            Err(errors::message_too_long(BYTES_MAX))
        } else {
            Ok(message)
        }
    }

    /// Body and attributes; system attributes do not count.
    fn size(&self) -> usize {
        self.body.len() + self.attributes.iter().map(MessageAttribute::size).sum::<usize>()
    }

    /// The second step of validation: against the queue.
    pub fn prepare(self, queue: &QueueSettings, by: SentBy) -> Result<PreparedMessage, ApiError> {
        if self.size() > queue.message_bytes_max {
            return Err(errors::message_too_long(queue.message_bytes_max));
        }
        let delay_ms = self.delay_ms(queue)?;
        let digests = self.digests();
        self.check_fifo(queue, by)?;
        let deduplication_id = self.deduplication_id(queue)?;
        Ok(PreparedMessage {
            body: self.body,
            attributes: self.attributes,
            trace_header: self.trace_header,
            delay_ms,
            group: self.group.unwrap_or_default(),
            deduplication_id,
            digests,
        })
    }

    /// On FIFO queues only the queue's own delay counts; 0 is accepted and means just that.
    fn delay_ms(&self, queue: &QueueSettings) -> Result<u64, ApiError> {
        match self.delay_seconds {
            Some(seconds) if queue.fifo && seconds > 0 => {
                Err(errors::unfit_for_queue_type(seconds, "DelaySeconds"))
            }
            Some(seconds) if !queue.fifo => Ok(u64::from(seconds) * 1000),
            _ => Ok(queue.delay_ms),
        }
    }

    /// Whether it has what a FIFO queue needs.
    pub(super) fn check_fifo(&self, queue: &QueueSettings, by: SentBy) -> Result<(), ApiError> {
        if queue.fifo && self.group.is_none() {
            Err(errors::message_group_missing(by == SentBy::Batch))
        } else if queue.fifo && self.deduplication_id.is_none() && !queue.content_based_deduplication {
            Err(errors::deduplication_id_missing())
        } else {
            Ok(())
        }
    }

    fn deduplication_id(&self, queue: &QueueSettings) -> Result<String, ApiError> {
        match &self.deduplication_id {
            Some(id) if !queue.fifo => Err(errors::unfit_for_queue_type(id, "MessageDeduplicationId")),
            Some(id) => Ok(id.clone()),
            None if queue.fifo => Ok(sha256_hex(&self.body)),
            None => Ok(String::new()),
        }
    }

    fn digests(&self) -> Digests {
        let system = self.trace_header.as_deref().map(trace_header_attribute);
        Digests {
            body: Md5Hex::of_body(&self.body),
            attributes: Md5Hex::of_attributes(self.attributes.iter()),
            system_attributes: Md5Hex::of_attributes(system.iter()),
        }
    }
}

fn sha256_hex(body: &[u8]) -> String {
    format!("{:x}", Sha256::digest(body))
}

/// Checks a group id, a deduplication id or an attempt id: 1 to 128 letters, digits and
/// punctuation of ASCII.
pub fn check_id(id: Option<String>, member: &str) -> Result<Option<String>, ApiError> {
    if let Some(id) = &id {
        let valid = (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        if !valid {
            let reason = format!(
                "{member} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            );
            return Err(invalid_value(id, member, reason));
        }
    }
    Ok(id)
}
