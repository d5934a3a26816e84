//! PurgeQueue.

use api::sqs::purge_queue::Input;
use api::sqs::{Done, errors};
use raft::command::queue::{Outcome, Purge, QueueAnswer, QueueOp};

use super::{Context, Result, misfit};

pub(super) async fn purge(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue_now(&input.queue).await?;
    let answer = context.partition(&queue, QueueOp::Purge(Purge {}), None).await?;
    let outcome = match &answer {
        QueueAnswer::Outcomes(outcomes) => outcomes.outcomes.first().copied(),
        QueueAnswer::Refused(outcome) => Some(*outcome),
        _ => None,
    };
    match outcome.map(Outcome::try_from) {
        Some(Ok(Outcome::Done)) => Ok(Done {}),
        Some(Ok(Outcome::PurgeInProgress)) => Err(errors::purge_queue_in_progress(input.queue.name.as_str())),
        _ => Err(misfit(&answer)),
    }
}
