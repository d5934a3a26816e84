//! What the operations about message move tasks share.

use api::error::ApiError;
use api::sqs::errors::{self, QUEUE_DOES_NOT_EXIST};
use api::sqs::queue_arn::QueueArn;
use raft::command::catalog::{CatalogAnswer, CatalogOp, ResourceKey};
use raft::command::move_tasks::MoveTask;

use super::{Context, Result, misfit};

/// The ARN of a resource.
pub(super) fn arn(key: &ResourceKey) -> Result<QueueArn> {
    let arn = raft::machine::catalog::arn::of_queue(key);
    QueueArn::read(&arn).ok_or_else(|| misfit(key))
}

/// Gets a command about a task done. That there is no source is said in other words here than elsewhere.
pub(super) async fn perform(context: &Context<'_>, op: CatalogOp) -> Result<MoveTask> {
    let answer = context.catalog(op).await;
    match answer.map_err(in_other_words)? {
        CatalogAnswer::MoveTask(task) => Ok(*task),
        other => Err(misfit(&other)),
    }
}

fn in_other_words(error: ApiError) -> ApiError {
    if error.is(&QUEUE_DOES_NOT_EXIST) {
        errors::resource_not_found("SourceArn")
    } else {
        error
    }
}
