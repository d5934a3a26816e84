//! `CancelMessageMoveTask`.

use serde::{Deserialize, Serialize};

use super::move_task::TaskHandle;
use crate::error::ApiError;
use crate::protocol;

/// The task that is to end. What has left the queue already still arrives.
#[derive(Debug)]
pub struct Input {
    /// Its handle.
    pub task: TaskHandle,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    task_handle: Option<String>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        Ok(Input {
            task: TaskHandle::parse(wire.task_handle)?,
        })
    }
}

/// What the task has got done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// Messages that have arrived.
    pub approximate_number_of_messages_moved: u64,
}
