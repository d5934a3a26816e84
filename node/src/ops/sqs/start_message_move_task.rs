//! StartMessageMoveTask.

use api::sqs::move_task::{TASKS_MAX, TaskHandle};
use api::sqs::start_message_move_task::{Input, Output};
use api::types::MessageId;
use bytes::Bytes;
use raft::command::catalog::CatalogOp;
use raft::command::move_tasks::StartMoveTask;

use super::{Context, Result, message_id, misfit, move_tasks};
use crate::catalog::key_of;

pub(super) async fn start(context: &Context<'_>, input: Input) -> Result<Output> {
    // A request's id is a random UUID, which will do for the task.
    let id = MessageId::parse(context.request_id).ok_or_else(|| misfit(&context.request_id))?;
    let command = StartMoveTask {
        id: Bytes::copy_from_slice(&id.0),
        source: Some(key_of(&input.source)),
        destination: input.destination.as_ref().map(key_of),
        rate_max: input.rate_max.unwrap_or(0),
        tasks_max: TASKS_MAX,
    };
    let task = move_tasks::perform(context, CatalogOp::StartMoveTask(command)).await?;
    let MessageId(id) = message_id(&task.id)?;
    let source = input.source;
    Ok(Output {
        task_handle: TaskHandle { id, source },
    })
}
