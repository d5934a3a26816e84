//! SendMessage and SendMessageBatch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::batch::{self, FailedEntry};
use super::message::{Draft, Message, Parts};
use super::message_attributes::{self, Value};
use super::{QueueRef, QueueSettings, errors, text};
use crate::error::ApiError;

/// Bytes of all messages of a batch together.
const BATCH_BYTES_MAX: usize = 1_048_576;

/// SendMessage, as requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, Value>>,
    message_system_attributes: Option<BTreeMap<String, Value>>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// SendMessageBatch, as requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchInput {
    queue_url: Option<String>,
    entries: Option<Vec<Entry>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, Value>>,
    message_system_attributes: Option<BTreeMap<String, Value>>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// The answer about one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The message.
    #[serde(rename = "MessageId")]
    pub message_id: String,
    /// Of the body.
    #[serde(rename = "MD5OfMessageBody")]
    pub body_md5: String,
    /// Of the message attributes.
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    pub attributes_md5: Option<String>,
    /// Of the message system attributes.
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub system_attributes_md5: Option<String>,
    /// On FIFO queues.
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
}

/// The answer about one message of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentEntry {
    /// The entry.
    #[serde(rename = "Id")]
    pub id: String,
    /// The message.
    #[serde(rename = "MessageId")]
    pub message_id: String,
    /// Of the body.
    #[serde(rename = "MD5OfMessageBody")]
    pub body_md5: String,
    /// Of the message attributes.
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    pub attributes_md5: Option<String>,
    /// Of the message system attributes.
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub system_attributes_md5: Option<String>,
    /// On FIFO queues.
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
}

/// What the answer says about a message that the client can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    body: String,
    attributes: Option<String>,
    system_attributes: Option<String>,
}

impl Digests {
    /// Of a message.
    pub fn of(message: &Message) -> Digests {
        Digests {
            body: text::md5_hex(&message.body),
            attributes: message_attributes::digest(&message.attributes),
            system_attributes: message_attributes::digest(&message.trace_header),
        }
    }

    /// The answer about the message.
    pub fn output(self, message_id: String, sequence_number: Option<String>) -> Output {
        Output {
            message_id,
            body_md5: self.body,
            attributes_md5: self.attributes,
            system_attributes_md5: self.system_attributes,
            sequence_number,
        }
    }
}

impl Output {
    /// The same within a batch.
    pub fn entry(self, id: String) -> SentEntry {
        SentEntry {
            id,
            message_id: self.message_id,
            body_md5: self.body_md5,
            attributes_md5: self.attributes_md5,
            system_attributes_md5: self.system_attributes_md5,
            sequence_number: self.sequence_number,
        }
    }
}

impl Input {
    /// The queue, and the message as far as it can be checked without it.
    ///
    /// # Errors
    /// MissingParameter, InvalidParameterValue or InvalidMessageContents.
    pub fn validate(self) -> Result<(QueueRef, Draft), ApiError> {
        let queue = QueueRef::parse(self.queue_url.as_deref())?;
        let parts = Parts {
            body: self.message_body,
            delay_s: self.delay_seconds,
            attributes: self.message_attributes,
            system_attributes: self.message_system_attributes,
            group: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
        };
        Ok((queue, parts.check()?))
    }
}

/// A batch as far as it can be checked without its queue: each entry with its id.
#[derive(Clone, Debug)]
pub struct Batch(Vec<(String, Result<Draft, ApiError>)>);

impl BatchInput {
    /// The queue and the entries.
    ///
    /// # Errors
    /// Those of whole batches.
    pub fn validate(self) -> Result<(QueueRef, Batch), ApiError> {
        let queue = QueueRef::parse(self.queue_url.as_deref())?;
        let entries = self.entries.unwrap_or_default();
        batch::check_ids(
            entries.iter().map(|e| e.id.as_str()),
            "SendMessageBatchRequestEntry",
        )?;
        let drafts: Vec<_> = entries.into_iter().map(Entry::check).collect();
        let bytes: usize = drafts
            .iter()
            .filter_map(|(_, d)| d.as_ref().ok())
            .map(Draft::size_bytes)
            .sum();
        if bytes > BATCH_BYTES_MAX {
            let message = format!(
                "Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes."
            );
            return Err(ApiError::new(&errors::BATCH_TOO_LONG, message));
        }
        Ok((queue, Batch(drafts)))
    }
}

impl Entry {
    fn check(self) -> (String, Result<Draft, ApiError>) {
        let parts = Parts {
            body: self.message_body,
            delay_s: self.delay_seconds,
            attributes: self.message_attributes,
            system_attributes: self.message_system_attributes,
            group: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
        };
        (self.id, parts.check())
    }
}

impl Batch {
    /// Fits the messages to their queue: those that it takes, with their ids, and the others.
    ///
    /// # Errors
    /// InvalidParameterValue for the whole batch, if an entry lacks what a FIFO queue needs.
    #[allow(clippy::type_complexity)] // Two lists, as the answer has them.
    pub fn fit(self, queue: &QueueSettings) -> Result<(Vec<(String, Message)>, Vec<FailedEntry>), ApiError> {
        for (_, draft) in &self.0 {
            if let Ok(draft) = draft {
                draft
                    .check_fifo(queue)
                    .map_err(|e| ApiError::new(&errors::INVALID_PARAMETER_VALUE, e.message))?;
            }
        }
        let (mut taken, mut failed) = (Vec::with_capacity(self.0.len()), Vec::new());
        for (id, draft) in self.0 {
            match draft.and_then(|draft| draft.fit(queue)) {
                Ok(message) => taken.push((id, message)),
                Err(error) => failed.push(FailedEntry::new(id, &error)),
            }
        }
        Ok((taken, failed))
    }
}
