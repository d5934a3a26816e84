//! `SetQueueAttributes`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::attributes::Changes;
use super::queue_url::QueueRef;
use super::{attributes, wire};
use crate::error::{ApiError, missing_parameter};
use crate::protocol;

/// What to change of which queue.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// The attributes, yet to be seen [against](Changes::against) the queue's present ones.
    pub changes: Changes,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let given = wire.attributes.ok_or_else(|| missing_parameter("Attributes"))?;
        let changes = attributes::changes(given, queue.name.is_fifo())?;
        Ok(Input { queue, changes })
    }
}

/// Nothing.
pub type Output = super::Done;
