//! `SendMessage`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::md5::Md5Hex;
use super::message::{Digests, MessageWire, OutgoingMessage};
use super::message_attributes::ValueWire;
use super::queue_url::QueueRef;
use super::sequence_number::SequenceNumber;
use super::wire;
use crate::error::ApiError;
use crate::protocol;
use crate::types::MessageId;

/// What to send where.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// The message, yet to be [prepared](OutgoingMessage::prepare).
    pub message: OutgoingMessage,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, ValueWire>>,
    message_system_attributes: Option<BTreeMap<String, ValueWire>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let message = MessageWire {
            body: wire.message_body,
            delay_seconds: wire.delay_seconds,
            attributes: wire.message_attributes,
            system_attributes: wire.message_system_attributes,
            deduplication_id: wire.message_deduplication_id,
            group: wire.message_group_id,
        };
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
            message: OutgoingMessage::check(message)?,
        })
    }
}

/// A message that was sent.
#[derive(Debug, Serialize)]
pub struct Output {
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

impl Output {
    /// The sequence number is there on FIFO queues only.
    pub fn new(digests: Digests, message_id: MessageId, sequence_number: Option<SequenceNumber>) -> Output {
        Output {
            message_id,
            body: digests.body,
            attributes: digests.attributes,
            system_attributes: digests.system_attributes,
            sequence_number,
        }
    }
}
