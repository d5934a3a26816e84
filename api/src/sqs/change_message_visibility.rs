//! ChangeMessageVisibility and ChangeMessageVisibilityBatch.

use serde::Deserialize;

use super::batch;
use super::delete_message::Handle;
use super::receive_message::visibility_ms;
use super::{QueueRef, errors};
use crate::error::ApiError;

/// ChangeMessageVisibility, as requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

/// ChangeMessageVisibilityBatch, as requested.
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
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

/// What is to change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The delivery.
    pub handle: Handle,
    /// Invisible for this long from now.
    pub visibility_ms: u64,
}

impl Change {
    fn parse(handle: Option<String>, visibility_timeout: Option<i64>) -> Result<Change, ApiError> {
        Ok(Change {
            handle: Handle::parse(handle)?,
            visibility_ms: visibility_ms(visibility_timeout)?,
        })
    }
}

impl Input {
    /// The queue. Whether it exists matters before the handle does.
    ///
    /// # Errors
    /// See [`QueueRef::parse`].
    pub fn queue(&self) -> Result<QueueRef, ApiError> {
        QueueRef::parse(self.queue_url.as_deref())
    }

    /// The change.
    ///
    /// # Errors
    /// MissingParameter, InvalidParameterValue or ReceiptHandleIsInvalid.
    pub fn change(self) -> Result<Change, ApiError> {
        Change::parse(self.receipt_handle, self.visibility_timeout)
    }
}

impl BatchInput {
    /// The queue, and each entry's id with its change.
    ///
    /// # Errors
    /// Those of whole batches.
    #[allow(clippy::type_complexity)] // Entries fail one by one.
    pub fn validate(self) -> Result<(QueueRef, Vec<(String, Result<Change, ApiError>)>), ApiError> {
        let queue = QueueRef::parse(self.queue_url.as_deref())?;
        let entries = self.entries.unwrap_or_default();
        batch::check_ids(
            entries.iter().map(|e| e.id.as_str()),
            "ChangeMessageVisibilityBatchRequestEntry",
        )?;
        let parse = |e: Entry| (e.id, Change::parse(e.receipt_handle, e.visibility_timeout));
        Ok((queue, entries.into_iter().map(parse).collect()))
    }
}

/// The message is not in flight: its visibility timeout has passed.
pub fn not_in_flight() -> ApiError {
    ApiError::new(
        &errors::MESSAGE_NOT_INFLIGHT,
        "The specified message isn't in flight.",
    )
}

/// The message is gone.
pub fn no_such_message(handle: &str) -> ApiError {
    let reason = "Message does not exist or is not available for visibility timeout change.";
    errors::invalid(handle, "ReceiptHandle", reason)
}

/// The message would be invisible for more than 12 hours since it was received.
pub fn beyond_twelve_hours(visibility_ms: u64) -> ApiError {
    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    errors::invalid(visibility_ms / 1000, "VisibilityTimeout", reason)
}
