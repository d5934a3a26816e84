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
    /// A delivery of the message, or why the handle is none. That is for callers who have found the
    /// queue: a missing queue is the graver error.
    pub receipt: Result<ReceiptHandle, ApiError>,
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
        let queue = wire::queue(wire.queue_url)?;
        let handle = wire::required(wire.receipt_handle, "ReceiptHandle")?;
        Ok(Input {
            queue,
            receipt: ReceiptHandle::parse(&handle),
        })
    }
}

/// Nothing.
pub type Output = super::Done;
