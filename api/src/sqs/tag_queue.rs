//! `TagQueue`.

use serde::Deserialize;

use super::queue_url::QueueRef;
use super::tags::{self, Tags};
use super::wire;
use crate::error::{ApiError, missing_parameter};
use crate::protocol;

/// Which tags to give which queue. A tag that it has gets the new value.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// The tags, at least one.
    pub tags: Tags,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    tags: Option<Tags>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let tags = wire.tags.filter(|tags| !tags.is_empty());
        let tags = tags.ok_or_else(|| missing_parameter("Tags"))?;
        let tags = tags::check(tags, queue.name.as_str())?;
        Ok(Input { queue, tags })
    }
}

/// Nothing.
pub type Output = super::Done;
