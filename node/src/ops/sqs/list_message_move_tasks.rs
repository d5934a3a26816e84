//! ListMessageMoveTasks.

use api::sqs::errors;
use api::sqs::list_message_move_tasks::{Input, Output, Task};
use api::sqs::move_task::{Status, TaskHandle};
use api::types::MessageId;
use raft::command::move_tasks::{MoveStatus, MoveTask};

use super::{Context, Result, message_id, misfit, move_tasks};
use crate::catalog::key_of;

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    context.catch_up().await?;
    let source = key_of(&input.source);
    let tasks: Option<Vec<MoveTask>> = context.frontend.catalog.read(|catalog| {
        catalog.queue(&source)?;
        let latest = catalog.move_tasks_of(&source).take(input.results_max as usize);
        Some(latest.cloned().collect())
    });
    let tasks = tasks.ok_or_else(|| errors::resource_not_found("SourceArn"))?;
    let results = tasks.iter().map(|task| shown(task, &input));
    Ok(Output {
        results: results.collect::<Result<_>>()?,
    })
}

fn shown(task: &MoveTask, input: &Input) -> Result<Task> {
    let MessageId(id) = message_id(&task.id)?;
    let source = input.source.clone();
    let status = match task.status() {
        MoveStatus::Running => Status::Running,
        MoveStatus::Cancelling => Status::Cancelling,
        MoveStatus::Completed => Status::Completed,
        MoveStatus::Cancelled => Status::Cancelled,
        MoveStatus::Failed => Status::Failed,
        MoveStatus::Unspecified => return Err(misfit(task)),
    };
    Ok(Task {
        task_handle: (status == Status::Running).then_some(TaskHandle { id, source }),
        status,
        source_arn: input.source.clone(),
        destination_arn: task.destination.as_ref().map(move_tasks::arn).transpose()?,
        max_number_of_messages_per_second: Some(task.rate_max).filter(|rate| *rate > 0),
        approximate_number_of_messages_moved: task.moved(),
        approximate_number_of_messages_to_move: task.to_move(),
        failure_reason: Some(task.failure.clone()).filter(|reason| !reason.is_empty()),
        started_timestamp: task.started_ms,
    })
}
