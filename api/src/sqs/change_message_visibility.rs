//! `ChangeMessageVisibility`.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::receipt::ReceiptHandle;
use super::wire;
use crate::error::{ApiError, missing_parameter};
use crate::protocol;

/// The message whose visibility is to change.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// The delivery and its new timeout, or why the receipt handle is none. That is for callers who
    /// have found the queue: a missing queue is the graver error.
    pub change: Result<Change, ApiError>,
}

/// A delivery and its new timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The delivery.
    pub receipt: ReceiptHandle,
    /// How long the message is invisible from now on, 0 to 43,200 seconds.
    pub visibility_timeout_seconds: u32,
}

impl Change {
    /// Fails at once if a member is missing or the timeout out of range; the inner result is about
    /// the handle.
    pub(super) fn check(
        handle: Option<String>,
        timeout: Option<i64>,
    ) -> Result<Result<Change, ApiError>, ApiError> {
        let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
        let timeout = wire::ranged(timeout, "VisibilityTimeout", 0, 43_200, reason)?;
        let handle = wire::required(handle, "ReceiptHandle")?;
        let visibility_timeout_seconds = timeout.ok_or_else(|| missing_parameter("VisibilityTimeout"))?;
        Ok(ReceiptHandle::parse(&handle).map(|receipt| Change {
            receipt,
            visibility_timeout_seconds,
        }))
    }
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        Ok(Input {
            queue,
            change: Change::check(wire.receipt_handle, wire.visibility_timeout)?,
        })
    }
}

/// Nothing.
pub type Output = super::Done;
