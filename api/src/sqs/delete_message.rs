//! `DeleteMessage`.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::receipt::ReceiptHandle;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// The message to delete.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// A delivery of the message.
    pub receipt: ReceiptHandle,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
            receipt: wire::receipt(wire.receipt_handle)?,
        })
    }
}

/// Nothing.
pub type Output = super::Done;
