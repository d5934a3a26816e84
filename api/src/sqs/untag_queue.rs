//! `UntagQueue`.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::{tags, wire};
use crate::error::{ApiError, missing_parameter};
use crate::protocol;

/// Which tags to take from which queue.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// Their keys, at least one. The queue need not have them.
    pub keys: Vec<String>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    tag_keys: Option<Vec<String>>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let keys = wire.tag_keys.ok_or_else(|| missing_parameter("TagKeys"))?;
        Ok(Input {
            queue,
            keys: tags::check_keys(keys)?,
        })
    }
}

/// Nothing.
pub type Output = super::Done;
