//! What the operations about message move tasks share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};

use super::errors;
use super::queue_arn::QueueArn;
use super::wire;
use crate::error::ApiError;
use crate::types::MessageId;

/// How many tasks of an account may run at a time.
pub const TASKS_MAX: u32 = 100;

/// What a client calls a task: base64 of a JSON document, as AWS has it, which some tools look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskHandle {
    /// The task's id; shown as a UUID.
    pub id: [u8; 16],
    /// The queue whose messages move.
    pub source: QueueArn,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    task_id: String,
    source_arn: String,
}

impl TaskHandle {
    /// The handle of a member. Fails with `MissingParameter`, or with `InvalidParameterValue` if it is none of ours.
    pub fn parse(handle: Option<String>) -> Result<TaskHandle, ApiError> {
        let handle = wire::required(handle, "TaskHandle")?;
        TaskHandle::read(&handle).ok_or_else(errors::task_handle_is_invalid)
    }

    fn read(handle: &str) -> Option<TaskHandle> {
        let document: Document = serde_json::from_slice(&STANDARD.decode(handle).ok()?).ok()?;
        Some(TaskHandle {
            id: MessageId::parse(&document.task_id)?.0,
            source: QueueArn::read(&document.source_arn)?,
        })
    }

    fn text(&self) -> String {
        let document = Document {
            task_id: MessageId(self.id).to_string(),
            source_arn: self.source.to_string(),
        };
        STANDARD.encode(serde_json::to_vec(&document).expect("two texts can be written as JSON"))
    }
}

impl Serialize for TaskHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Messages move.
    Running,
    /// It is about to end early.
    Cancelling,
    /// All have moved.
    Completed,
    /// It ended early, as somebody wished.
    Cancelled,
    /// It ended early for another reason.
    Failed,
}
