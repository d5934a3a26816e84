//! CancelMessageMoveTask.

use api::sqs::cancel_message_move_task::{Input, Output};
use bytes::Bytes;
use raft::command::catalog::CatalogOp;
use raft::command::move_tasks::CancelMoveTask;

use super::{Context, Result, move_tasks};
use crate::catalog::key_of;

pub(super) async fn cancel(context: &Context<'_>, input: Input) -> Result<Output> {
    let command = CancelMoveTask {
        id: Bytes::copy_from_slice(&input.task.id),
        source: Some(key_of(&input.task.source)),
    };
    let task = move_tasks::perform(context, CatalogOp::CancelMoveTask(command)).await?;
    Ok(Output {
        approximate_number_of_messages_moved: task.moved(),
    })
}
