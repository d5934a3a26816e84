//! `RemovePermission`.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// Which permission to take back.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// What the permission is called. No other than its policy knows what is a label.
    pub label: String,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    label: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
            label: wire::required(wire.label, "Label")?,
        })
    }
}

/// Nothing.
pub type Output = super::Done;
