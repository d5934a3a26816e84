//! PurgeQueue.

use api::error::ApiError;
use api::sqs::list_queues::{QueueAlone, purge_in_progress};
use raft::command::queue::{Outcome, Purge, QueueAnswer, QueueOp};

use super::{Context, Result, misfit};

pub(super) async fn purge(context: &Context<'_>, input: QueueAlone) -> Result<()> {
    let queue = context.queue(input.queue()?).await?;
    let answer = context.partition(&queue, QueueOp::Purge(Purge {}), None).await?;
    let outcome = match &answer {
        QueueAnswer::Outcomes(outcomes) => outcomes.outcomes.first().copied(),
        QueueAnswer::Refused(outcome) => Some(*outcome),
        _ => None,
    };
    match outcome.map(Outcome::try_from) {
        Some(Ok(Outcome::Done)) => Ok(()),
        Some(Ok(Outcome::PurgeInProgress)) => Err(in_progress(&queue)),
        _ => Err(misfit(&answer)),
    }
}

fn in_progress(queue: &crate::catalog::QueueView) -> ApiError {
    purge_in_progress(queue.record.key.as_ref().map_or("", |key| &key.name))
}
