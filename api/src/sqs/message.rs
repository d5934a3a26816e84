//! A message on its way in: the rules for its body and its ids.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::message_attributes::{self, Attribute, Value};
use super::{QueueSettings, errors, text};
use crate::error::ApiError;

/// Longest delay.
const DELAY_S_MAX: i64 = 900;

/// A message as requested, valid as far as that can be seen without its queue.
#[derive(Clone, Debug)]
pub struct Draft {
    body: String,
    delay_s: Option<i64>,
    attributes: Vec<Attribute>,
    trace_header: Option<Attribute>,
    group: Option<String>,
    deduplication_id: Option<String>,
}

/// A message that its queue takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The body.
    pub body: Bytes,
    /// Message attributes, sorted by name.
    pub attributes: Vec<Attribute>,
    /// `AWSTraceHeader`, if given.
    pub trace_header: Option<Attribute>,
    /// How long it stays invisible.
    pub delay_ms: u64,
    /// Message group; empty for none.
    pub group: String,
    /// Deduplication id; empty on standard queues.
    pub deduplication_id: String,
}

/// The parts of a message in a request.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// `MessageBody`.
    pub body: Option<String>,
    /// `DelaySeconds`.
    pub delay_s: Option<i64>,
    /// `MessageAttributes`.
    pub attributes: Option<BTreeMap<String, Value>>,
    /// `MessageSystemAttributes`.
    pub system_attributes: Option<BTreeMap<String, Value>>,
    /// `MessageGroupId`.
    pub group: Option<String>,
    /// `MessageDeduplicationId`.
    pub deduplication_id: Option<String>,
}

impl Parts {
    /// Checks what can be checked without the queue.
    ///
    /// # Errors
    /// MissingParameter, InvalidParameterValue or InvalidMessageContents.
    pub fn check(self) -> Result<Draft, ApiError> {
        let body = self.body.ok_or_else(|| errors::missing("MessageBody"))?;
        if body.is_empty() {
            return Err(errors::missing("MessageBody"));
        }
        if !text::is_valid(&body) {
            let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
                           #xE000 to #xFFFD | #x10000 to #x10FFFF";
            return Err(ApiError::new(&errors::INVALID_MESSAGE_CONTENTS, message));
        }
        if let Some(delay) = self.delay_s
            && !(0..=DELAY_S_MAX).contains(&delay)
        {
            let reason = "DelaySeconds must be >= 0 and <= 900.";
            return Err(errors::invalid(delay, "DelaySeconds", reason));
        }
        for (id, name) in [
            (&self.group, "MessageGroupId"),
            (&self.deduplication_id, "MessageDeduplicationId"),
        ] {
            if let Some(id) = id.as_deref()
                && !text::is_valid_id(id)
            {
                let reason = format!(
                    "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
                );
                return Err(errors::invalid(id, name, &reason));
            }
        }
        Ok(Draft {
            body,
            delay_s: self.delay_s,
            attributes: message_attributes::parse_all(self.attributes.unwrap_or_default())?,
            trace_header: trace_header(self.system_attributes.unwrap_or_default())?,
            group: self.group,
            deduplication_id: self.deduplication_id,
        })
    }
}

fn trace_header(given: BTreeMap<String, Value>) -> Result<Option<Attribute>, ApiError> {
    let mut header = None;
    for (name, value) in given {
        if name != "AWSTraceHeader" || value.data_type != "String" {
            let message = format!(
                "The message system attribute '{name}' with type '{}' is invalid.",
                value.data_type
            );
            return Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
        }
        // Its name begins with AWS, which is forbidden to users' attributes only.
        let parsed = Attribute::parse("trace".to_owned(), value)?;
        header = Some(Attribute { name, ..parsed });
    }
    Ok(header)
}

impl Draft {
    /// Bytes of body and attributes, as limits count them.
    pub fn size_bytes(&self) -> usize {
        self.body.len() + self.attributes.iter().map(Attribute::size_bytes).sum::<usize>()
    }

    /// What is missing for a FIFO queue, if anything: it makes a whole batch invalid.
    ///
    /// # Errors
    /// MissingParameter or InvalidParameterValue.
    pub fn check_fifo(&self, queue: &QueueSettings) -> Result<(), ApiError> {
        if !queue.fifo {
            return Ok(());
        }
        if self.group.is_none() {
            return Err(errors::missing("MessageGroupId"));
        }
        if self.deduplication_id.is_none() && !queue.content_based_deduplication {
            let message = "The queue should either have ContentBasedDeduplication enabled or \
                           MessageDeduplicationId provided explicitly";
            return Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
        }
        Ok(())
    }

    /// Fits the message to its queue.
    ///
    /// # Errors
    /// MissingParameter or InvalidParameterValue.
    pub fn fit(self, queue: &QueueSettings) -> Result<Message, ApiError> {
        self.check_fifo(queue)?;
        if self.size_bytes() > queue.message_bytes_max {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                queue.message_bytes_max
            );
            return Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
        }
        let foreign = "The request include parameter that is not valid for this queue type";
        if queue.fifo
            && let Some(delay) = self.delay_s.filter(|d| *d > 0)
        {
            return Err(errors::invalid(delay, "DelaySeconds", foreign));
        }
        if !queue.fifo
            && let Some(id) = &self.deduplication_id
        {
            return Err(errors::invalid(id, "MessageDeduplicationId", foreign));
        }
        let own_delay = self
            .delay_s
            .filter(|_| !queue.fifo)
            .and_then(|d| u64::try_from(d).ok());
        let deduplication_id = match self.deduplication_id {
            Some(id) => id,
            None if queue.fifo => content_id(self.body.as_bytes()),
            None => String::new(),
        };
        Ok(Message {
            body: self.body.into(),
            attributes: self.attributes,
            trace_header: self.trace_header,
            delay_ms: own_delay.unwrap_or(queue.delay_s) * 1000,
            group: self.group.unwrap_or_default(),
            deduplication_id,
        })
    }
}

/// The deduplication id of a body: its SHA-256.
fn content_id(body: &[u8]) -> String {
    use sha2::Digest;
    text::hex(&sha2::Sha256::digest(body))
}
