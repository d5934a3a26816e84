//! DeleteMessage and DeleteMessageBatch.

use serde::Deserialize;

use super::batch;
use super::{QueueRef, ReceiptHandle, errors};
use crate::error::ApiError;

/// DeleteMessage, as requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

/// DeleteMessageBatch, as requested.
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
}

/// A handle as given and as understood.
#[derive(Clone, Debug)]
pub struct Handle {
    /// As given, for error messages.
    pub text: String,
    /// What it stands for.
    pub receipt: ReceiptHandle,
}

impl Handle {
    pub(super) fn parse(text: Option<String>) -> Result<Handle, ApiError> {
        let text = text.ok_or_else(|| errors::missing("ReceiptHandle"))?;
        Ok(Handle {
            receipt: ReceiptHandle::decode(&text)?,
            text,
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

    /// The handle.
    ///
    /// # Errors
    /// MissingParameter or ReceiptHandleIsInvalid.
    pub fn handle(self) -> Result<Handle, ApiError> {
        Handle::parse(self.receipt_handle)
    }
}

impl BatchInput {
    /// The queue, and each entry's id with its handle.
    ///
    /// # Errors
    /// Those of whole batches.
    #[allow(clippy::type_complexity)] // Entries fail one by one.
    pub fn validate(self) -> Result<(QueueRef, Vec<(String, Result<Handle, ApiError>)>), ApiError> {
        let queue = QueueRef::parse(self.queue_url.as_deref())?;
        let entries = self.entries.unwrap_or_default();
        batch::check_ids(
            entries.iter().map(|e| e.id.as_str()),
            "DeleteMessageBatchRequestEntry",
        )?;
        Ok((
            queue,
            entries
                .into_iter()
                .map(|e| (e.id, Handle::parse(e.receipt_handle)))
                .collect(),
        ))
    }
}

/// FIFO: the message was, or may have been, handed out again.
pub fn receipt_expired(handle: &str) -> ApiError {
    errors::invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
}
