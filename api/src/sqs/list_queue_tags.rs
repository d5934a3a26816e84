//! `ListQueueTags`.

use serde::Serialize;

use super::queue_url::QueueRef;
use super::tags::Tags;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// Whose tags to list.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
}

impl protocol::Input for Input {
    type Wire = wire::OnlyQueue;

    fn check(wire: wire::OnlyQueue) -> Result<Input, ApiError> {
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
        })
    }
}

/// All tags of the queue; no member at all if there are none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// By key.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}
