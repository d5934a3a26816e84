//! ReceiveMessage.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::message_attributes::{self, Attribute, Value};
use super::{QueueRef, QueueSettings, ReceiptHandle, errors, text};
use crate::error::ApiError;

/// Longest invisibility: 12 hours.
const VISIBILITY_S_MAX: i64 = 43_200;
/// Longest wait.
const WAIT_S_MAX: i64 = 20;
/// Messages in one answer at most.
const MESSAGES_MAX: i64 = 10;

/// As requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

/// A valid request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The queue.
    pub queue: QueueRef,
    /// How many messages at most.
    pub max: u32,
    visibility_s: Option<u64>,
    wait_s: Option<u64>,
    system_names: Vec<String>,
    names: Vec<String>,
}

impl Request {
    /// How long the messages are to be invisible.
    pub fn visibility_ms(&self, queue: &QueueSettings) -> u64 {
        self.visibility_s.unwrap_or(queue.visibility_s) * 1000
    }

    /// How long to wait for a message.
    pub fn wait_s(&self, queue: &QueueSettings) -> u64 {
        self.wait_s.unwrap_or(queue.wait_s)
    }
}

/// A delivery, as the queue tells it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its handle.
    pub receipt: ReceiptHandle,
    /// The message, as text.
    pub message_id: String,
    /// The body, UTF-8.
    pub body: Bytes,
    /// Message attributes, sorted by name.
    pub attributes: Vec<Attribute>,
    /// `AWSTraceHeader`, or empty.
    pub trace_header: String,
    /// Who sent it.
    pub sender_id: String,
    /// When it was sent.
    pub sent_ms: u64,
    /// When it was first received.
    pub first_received_ms: u64,
    /// How often it was received.
    pub receive_count: u32,
    /// Message group, or empty.
    pub group: String,
    /// Deduplication id, or empty.
    pub deduplication_id: String,
    /// On FIFO queues.
    pub sequence_number: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The messages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
}

/// A message in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The message.
    #[serde(rename = "MessageId")]
    pub message_id: String,
    /// Its handle.
    #[serde(rename = "ReceiptHandle")]
    pub receipt_handle: String,
    /// Of the body.
    #[serde(rename = "MD5OfBody")]
    pub body_md5: String,
    /// The body.
    #[serde(rename = "Body")]
    pub body: Body,
    /// System attributes.
    #[serde(rename = "Attributes", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<&'static str, String>,
    /// Of the message attributes that are here.
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    pub attributes_md5: Option<String>,
    /// Message attributes.
    #[serde(rename = "MessageAttributes", skip_serializing_if = "BTreeMap::is_empty")]
    pub message_attributes: BTreeMap<String, Value>,
}

/// A body, written without a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(Bytes);

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.serialize_str(&String::from_utf8_lossy(&self.0)),
        }
    }
}

impl Input {
    /// Checks the request.
    ///
    /// # Errors
    /// MissingParameter, InvalidParameterValue or InvalidAttributeName.
    pub fn validate(self) -> Result<Request, ApiError> {
        let queue = QueueRef::parse(self.queue_url.as_deref())?;
        let max = ranged(
            self.max_number_of_messages,
            1,
            MESSAGES_MAX,
            "MaxNumberOfMessages",
            BETWEEN_1_AND_10,
        )?;
        let visibility_s = ranged(
            self.visibility_timeout,
            0,
            VISIBILITY_S_MAX,
            "VisibilityTimeout",
            VISIBILITY,
        )?;
        let wait_s = ranged(self.wait_time_seconds, 0, WAIT_S_MAX, "WaitTimeSeconds", WAIT)?;
        if let Some(id) = self.receive_request_attempt_id
            && !text::is_valid_id(&id)
        {
            let reason = "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. \
                          1 to 128 in length.";
            return Err(errors::invalid(id, "ReceiveRequestAttemptId", reason));
        }
        let mut system_names = self.attribute_names.unwrap_or_default();
        system_names.extend(self.message_system_attribute_names.unwrap_or_default());
        if let Some(unknown) = system_names
            .iter()
            .find(|n| *n != "All" && !SYSTEM_NAMES.contains(&n.as_str()))
        {
            let message = format!("Unknown Attribute {unknown}.");
            return Err(ApiError::new(&errors::INVALID_ATTRIBUTE_NAME, message));
        }
        let names = self.message_attribute_names.unwrap_or_default();
        let max = u32::try_from(max.unwrap_or(1)).unwrap_or(1);
        Ok(Request {
            queue,
            max,
            visibility_s,
            wait_s,
            system_names,
            names,
        })
    }
}

const BETWEEN_1_AND_10: &str = "Must be between 1 and 10, if provided.";
const VISIBILITY: &str = "Must be between 0 and 43200, if provided.";
const WAIT: &str = "Must be >= 0 and <= 20, if provided.";
const SYSTEM_NAMES: &[&str] = &[
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

fn ranged(value: Option<i64>, min: i64, max: i64, name: &str, reason: &str) -> Result<Option<u64>, ApiError> {
    match value {
        Some(value) if !(min..=max).contains(&value) => Err(errors::invalid(value, name, reason)),
        Some(value) => Ok(u64::try_from(value).ok()),
        None => Ok(None),
    }
}

/// Checks a visibility timeout that must be there.
///
/// # Errors
/// MissingParameter or InvalidParameterValue.
pub(super) fn visibility_ms(value: Option<i64>) -> Result<u64, ApiError> {
    let seconds = ranged(value, 0, VISIBILITY_S_MAX, "VisibilityTimeout", VISIBILITY)?;
    seconds
        .map(|s| s * 1000)
        .ok_or_else(|| errors::missing("VisibilityTimeout"))
}

impl Request {
    /// The answer, with the attributes that were asked for.
    pub fn answer(&self, deliveries: impl IntoIterator<Item = Delivery>) -> Output {
        Output {
            messages: deliveries.into_iter().map(|d| self.message(d)).collect(),
        }
    }

    fn message(&self, delivery: Delivery) -> Message {
        let all = self.system_names.iter().any(|n| n == "All");
        let mut attributes = BTreeMap::new();
        let mut tell = |name: &'static str, value: String| {
            if !value.is_empty() && (all || self.system_names.iter().any(|n| n == name)) {
                attributes.insert(name, value);
            }
        };
        if !self.system_names.is_empty() {
            tell("SenderId", delivery.sender_id);
            tell("SentTimestamp", delivery.sent_ms.to_string());
            tell("ApproximateReceiveCount", delivery.receive_count.to_string());
            tell(
                "ApproximateFirstReceiveTimestamp",
                delivery.first_received_ms.to_string(),
            );
            tell("SequenceNumber", delivery.sequence_number.unwrap_or_default());
            tell("MessageDeduplicationId", delivery.deduplication_id);
            tell("MessageGroupId", delivery.group);
            tell("AWSTraceHeader", delivery.trace_header);
        }
        let wanted: Vec<&Attribute> = delivery
            .attributes
            .iter()
            .filter(|a| self.wants(&a.name))
            .collect();
        Message {
            message_id: delivery.message_id,
            receipt_handle: delivery.receipt.encode(),
            body_md5: text::md5_hex(&delivery.body),
            body: Body(delivery.body),
            attributes,
            attributes_md5: message_attributes::digest(wanted.iter().copied()),
            message_attributes: wanted.iter().map(|a| (a.name.clone(), a.to_value())).collect(),
        }
    }

    /// Whether a message attribute was asked for: by name, by `prefix.*` or `prefix*`, or by `All`.
    fn wants(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| match wanted.as_str() {
            "All" | ".*" => true,
            exact if exact == name => true,
            pattern => pattern
                .strip_suffix(".*")
                .or_else(|| pattern.strip_suffix('*'))
                .is_some_and(|prefix| name.starts_with(prefix)),
        })
    }
}
