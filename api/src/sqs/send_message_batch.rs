//! `SendMessageBatch`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attributes::QueueSettings;
use super::batch::{self, BatchOutput, Entry, EntryId};
use super::md5::Md5Hex;
use super::message::{BYTES_MAX, Digests, MessageWire, OutgoingMessage, SentBy};
use super::message_attributes::ValueWire;
use super::queue_url::QueueRef;
use super::sequence_number::SequenceNumber;
use super::{errors, wire};
use crate::error::ApiError;
use crate::protocol;
use crate::types::MessageId;

/// What to send where.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// The messages, those that are right yet to be [prepared](OutgoingMessage::prepare).
    pub entries: Vec<Entry<OutgoingMessage>>,
}

impl Input {
    /// Checks what AWS refuses a batch for as a whole, although single entries are at fault: an
    /// entry for a FIFO queue without a group or without anything to know its duplicates by.
    pub fn check(&self, queue: &QueueSettings) -> Result<(), ApiError> {
        let good = self.entries.iter().flat_map(|entry| &entry.content);
        good.into_iter()
            .try_for_each(|message| message.check_fifo(queue, SentBy::Batch))
    }
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    entries: Option<Vec<EntryWire>>,
}

/// An entry as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryWire {
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, ValueWire>>,
    message_system_attributes: Option<BTreeMap<String, ValueWire>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

impl EntryWire {
    fn split(self) -> (Option<String>, MessageWire) {
        let message = MessageWire {
            body: self.message_body,
            delay_seconds: self.delay_seconds,
            attributes: self.message_attributes,
            system_attributes: self.message_system_attributes,
            deduplication_id: self.message_deduplication_id,
            group: self.message_group_id,
        };
        (self.id, message)
    }
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let entries = batch::check(wire.entries, "SendMessageBatchRequestEntry", |entry| {
            let (id, message) = entry.split();
            (id, Ok((message.size(), message)))
        })?;
        let bytes = entries
            .iter()
            .flat_map(|entry| &entry.content)
            .map(|(size, _)| size)
            .sum();
        if bytes > BYTES_MAX {
            return Err(errors::batch_request_too_long(bytes, BYTES_MAX));
        }
        let check = |entry: Entry<(usize, MessageWire)>| Entry {
            id: entry.id,
            content: entry
                .content
                .and_then(|(_, message)| OutgoingMessage::check(message)),
        };
        Ok(Input {
            queue,
            entries: entries.into_iter().map(check).collect(),
        })
    }
}

/// What became of the messages.
pub type Output = BatchOutput<Sent>;

/// A message that was sent.
#[derive(Debug, Serialize)]
pub struct Sent {
    #[serde(rename = "Id")]
    id: EntryId,
    #[serde(rename = "MessageId")]
    message_id: MessageId,
    #[serde(rename = "MD5OfMessageBody")]
    body: Md5Hex,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes: Option<Md5Hex>,
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    system_attributes: Option<Md5Hex>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<SequenceNumber>,
}

impl Sent {
    /// The sequence number is there on FIFO queues only.
    pub fn new(
        id: EntryId,
        digests: Digests,
        message_id: MessageId,
        sequence_number: Option<SequenceNumber>,
    ) -> Sent {
        Sent {
            id,
            message_id,
            body: digests.body,
            attributes: digests.attributes,
            system_attributes: digests.system_attributes,
            sequence_number,
        }
    }
}
