//! `DeleteQueue`.

use super::queue_url::QueueRef;
use super::wire::{self, OnlyQueue};
use crate::error::ApiError;
use crate::protocol;

/// The queue to delete.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
}

impl protocol::Input for Input {
    type Wire = OnlyQueue;

    fn check(wire: OnlyQueue) -> Result<Input, ApiError> {
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
        })
    }
}

/// Nothing.
pub type Output = super::Done;
