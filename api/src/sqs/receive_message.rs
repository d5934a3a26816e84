//! `ReceiveMessage`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use super::md5::Md5Hex;
use super::message::check_id;
use super::message_attributes::{MessageAttribute, ValueOutput};
use super::queue_url::QueueRef;
use super::receipt::ReceiptHandle;
use super::sequence_number::SequenceNumber;
use super::{errors, wire};
use crate::error::ApiError;
use crate::protocol;
use crate::types::{MessageId, Text};

/// What to receive, and what of it to tell.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// At most this many messages, 1 to 10.
    pub messages_max: u32,
    /// How long they are invisible to others; the queue's value if absent.
    pub visibility_timeout_seconds: Option<u32>,
    /// How long to wait for a message, 0 to 20; the queue's value if absent.
    pub wait_seconds: Option<u32>,
    /// The id under which the consumer makes this call again if it must. For FIFO queues; on others SQS
    /// neither refuses it nor takes notice of it.
    pub attempt_id: Option<String>,
    /// What to tell of each message.
    pub selection: Selection,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let messages_max = wire::ranged(
            wire.max_number_of_messages,
            "MaxNumberOfMessages",
            1,
            10,
            "Must be between 1 and 10, if provided.",
        )?;
        let visibility = wire::ranged(
            wire.visibility_timeout,
            "VisibilityTimeout",
            0,
            43_200,
            "Must be >= 0 and <= 43200, if provided.",
        )?;
        let wait = wire::ranged(
            wire.wait_time_seconds,
            "WaitTimeSeconds",
            0,
            20,
            "Must be >= 0 and <= 20, if provided.",
        )?;
        // The older name of the list and the newer one are both honoured.
        let system_names = wire
            .attribute_names
            .into_iter()
            .chain(wire.message_system_attribute_names);
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
            messages_max: messages_max.unwrap_or(1),
            visibility_timeout_seconds: visibility,
            wait_seconds: wait,
            attempt_id: check_id(wire.receive_request_attempt_id, "ReceiveRequestAttemptId")?,
            selection: Selection {
                system: select_system(system_names.flatten())?,
                message: wire.message_attribute_names.unwrap_or_default(),
            },
        })
    }
}

/// One delivery of one message, as the node has it.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// What the receipt handle stands for.
    pub receipt: ReceiptHandle,
    /// The message's id.
    pub message_id: MessageId,
    /// The body, UTF-8.
    pub body: Bytes,
    /// Message attributes, sorted by name.
    pub attributes: Vec<MessageAttribute>,
    /// The X-Ray header.
    pub trace_header: Option<String>,
    /// The sender's identity.
    pub sender_id: String,
    /// The ARN of the queue that it left as a dead letter; empty for none.
    pub dead_letter_source: String,
    /// When it was sent.
    pub sent_ms: u64,
    /// When it was first received.
    pub first_received_ms: u64,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// Its group; empty for none.
    pub group: String,
    /// Its deduplication id; empty on standard queues.
    pub deduplication_id: String,
    /// On FIFO queues.
    pub sequence_number: Option<SequenceNumber>,
}

type SystemAttribute = (&'static str, fn(&Delivered) -> Option<String>);

/// The system attributes and where they come from.
static SYSTEM_ATTRIBUTES: [SystemAttribute; 9] = [
    ("AWSTraceHeader", |message| message.trace_header.clone()),
    ("ApproximateFirstReceiveTimestamp", |message| {
        Some(message.first_received_ms.to_string())
    }),
    ("ApproximateReceiveCount", |message| {
        Some(message.receive_count.to_string())
    }),
    ("DeadLetterQueueSourceArn", |message| {
        non_empty(&message.dead_letter_source)
    }),
    ("MessageDeduplicationId", |message| {
        non_empty(&message.deduplication_id)
    }),
    ("MessageGroupId", |message| non_empty(&message.group)),
    ("SenderId", |message| non_empty(&message.sender_id)),
    ("SentTimestamp", |message| Some(message.sent_ms.to_string())),
    ("SequenceNumber", |message| {
        message.sequence_number.map(|number| number.to_string())
    }),
];

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What a receiver wants to be told of each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Bit i stands for row i of [`SYSTEM_ATTRIBUTES`].
    system: u16,
    /// Names of message attributes, prefixes that end in `*`, `All`.
    message: Vec<String>,
}

fn select_system(names: impl Iterator<Item = String>) -> Result<u16, ApiError> {
    let mut selected = 0;
    for name in names {
        selected |= match SYSTEM_ATTRIBUTES.iter().position(|(known, _)| *known == name) {
            Some(row) => 1 << row,
            None if name == "All" => (1 << SYSTEM_ATTRIBUTES.len()) - 1,
            None => return Err(errors::unknown_attribute(&name)),
        };
    }
    Ok(selected)
}

impl Selection {
    /// Whether a message attribute is wanted: by name, by `All` or `.*`, by `foo.*` or `foo*`. The
    /// prefix `foo.` also stands for the name `foo`.
    fn wants(&self, name: &str) -> bool {
        self.message
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some("." | "") => true,
                Some(prefix) => name.starts_with(prefix) || prefix.strip_suffix('.') == Some(name),
                None => pattern == name || pattern == "All",
            })
    }
}

/// The messages; no member at all if there are none.
#[derive(Debug, Serialize)]
pub struct Output {
    #[serde(rename = "Messages", skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

impl Output {
    /// What of the delivered messages the receiver asked for.
    pub fn new(delivered: Vec<Delivered>, selection: &Selection) -> Output {
        Output {
            messages: delivered
                .into_iter()
                .map(|message| Message::new(message, selection))
                .collect(),
        }
    }
}

/// A message as replies have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: MessageId,
    receipt_handle: ReceiptHandle,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: Md5Hex,
    body: Text,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<Md5Hex>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    message_attributes: Vec<MessageAttribute>,
}

impl Message {
    fn new(mut message: Delivered, selection: &Selection) -> Message {
        let mut chosen = std::mem::take(&mut message.attributes);
        chosen.retain(|attribute| selection.wants(&attribute.name));
        let rows = SYSTEM_ATTRIBUTES
            .iter()
            .enumerate()
            .filter(|(row, _)| selection.system & (1 << row) != 0);
        Message {
            message_id: message.message_id,
            receipt_handle: message.receipt,
            md5_of_body: Md5Hex::of_body(&message.body),
            attributes: rows
                .filter_map(|(_, (name, value))| Some((*name, value(&message)?)))
                .collect(),
            body: Text(message.body),
            // Only what is returned is digested, because only that can the receiver check.
            md5_of_message_attributes: Md5Hex::of_attributes(chosen.iter()),
            message_attributes: chosen,
        }
    }
}

fn as_map<S: Serializer>(attributes: &[MessageAttribute], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        attributes
            .iter()
            .map(|attribute| (&attribute.name, ValueOutput::of(attribute))),
    )
}
