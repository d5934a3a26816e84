//! `ListMessageMoveTasks`.

use serde::{Deserialize, Serialize};

use super::move_task::{Status, TaskHandle};
use super::queue_arn::QueueArn;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

const RESULTS_MAX: u32 = 10;

/// Whose tasks to list.
#[derive(Debug)]
pub struct Input {
    /// The queue that messages move from.
    pub source: QueueArn,
    /// How many at most, the latest first: 1 to 10.
    pub results_max: u32,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    source_arn: Option<String>,
    max_results: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let reason = "Must be between 1 and 10, if provided.";
        let results_max = wire::ranged(wire.max_results, "MaxResults", 1, RESULTS_MAX, reason)?;
        Ok(Input {
            source: QueueArn::parse(wire.source_arn, "SourceArn")?,
            // AWS tells of the latest one only, unless more are asked for.
            results_max: results_max.unwrap_or(1),
        })
    }
}

/// The tasks, the latest first; no member at all if there are none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// One entry for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Task>,
}

/// One task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// Its handle, as long as it can be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_handle: Option<TaskHandle>,
    /// Where it is.
    pub status: Status,
    /// The queue that messages move from.
    pub source_arn: QueueArn,
    /// The queue that they move to, if it is the same for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<QueueArn>,
    /// Messages a second, if the caller said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_number_of_messages_per_second: Option<u32>,
    /// Messages that have arrived.
    pub approximate_number_of_messages_moved: u64,
    /// Messages that were there when it began, once it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_number_of_messages_to_move: Option<u64>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When it was started, in milliseconds since 1970.
    pub started_timestamp: u64,
}
