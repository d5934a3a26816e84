//! SetQueueAttributes.

use serde::Deserialize;

use super::attributes::{self, Attributes};
use super::{QueueRef, errors};
use crate::error::ApiError;

/// As requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    attributes: Option<Attributes>,
}

impl Input {
    /// The queue.
    ///
    /// # Errors
    /// See [`QueueRef::parse`].
    pub fn queue(&self) -> Result<QueueRef, ApiError> {
        QueueRef::parse(self.queue_url.as_deref())
    }

    /// What is to change in a queue that has `current` attributes; an empty value removes one.
    ///
    /// # Errors
    /// MissingParameter, InvalidAttributeName or InvalidAttributeValue.
    pub fn changes(&self, current: &Attributes) -> Result<Attributes, ApiError> {
        let given = self
            .attributes
            .as_ref()
            .ok_or_else(|| errors::missing("Attributes"))?;
        let fifo = current.get("FifoQueue").is_some_and(|v| v == "true");
        let canonical = attributes::canonical(given, fifo)?;
        if canonical.get("FifoQueue").is_some_and(|v| v == "false") {
            let message =
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
            return Err(ApiError::new(&errors::INVALID_ATTRIBUTE_VALUE, message));
        }
        let changes = attributes::changes(&canonical);
        let mut all = current.clone();
        all.extend(changes.clone());
        attributes::check_together(&all)?;
        Ok(changes)
    }
}
