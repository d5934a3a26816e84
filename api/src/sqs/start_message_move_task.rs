//! `StartMessageMoveTask`.

use serde::{Deserialize, Serialize};

use super::move_task::TaskHandle;
use super::queue_arn::QueueArn;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// Messages a second that a caller may ask for.
const RATE_MAX: u32 = 500;

/// What to move, and how.
#[derive(Debug)]
pub struct Input {
    /// The queue for dead letters that they are in.
    pub source: QueueArn,
    /// Where they go; without one, each goes to the queue that it left as a dead letter.
    pub destination: Option<QueueArn>,
    /// Messages a second, 1 to 500; without a number, as fast as it goes.
    pub rate_max: Option<u32>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let destination = wire.destination_arn;
        Ok(Input {
            source: QueueArn::parse(wire.source_arn, "SourceArn")?,
            destination: destination
                .map(|arn| QueueArn::parse(Some(arn), "DestinationArn"))
                .transpose()?,
            rate_max: wire::ranged(
                wire.max_number_of_messages_per_second,
                "MaxNumberOfMessagesPerSecond",
                1,
                RATE_MAX,
                "Must be between 1 and 500, if provided.",
            )?,
        })
    }
}

/// What the task is called from now on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// Its handle.
    pub task_handle: TaskHandle,
}
