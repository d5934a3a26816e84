//! PurgeQueue.

use api::sqs::purge_queue::Input;
use api::sqs::{Done, errors};
use raft::command::queue::{Outcome, Purge, QueueAnswer, QueueOp};

use super::{Context, Result, misfit};
use crate::catalog::Partition;

pub(super) async fn purge(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue_now(&input.queue).await?;
    let mut purged = None;
    for partition in &queue.partitions {
        match purge_partition(context, partition).await? {
            // One that was purged a moment ago by a call that did not come to all has no more to do.
            Outcome::PurgeInProgress => purged = purged.or(Some(false)),
            _ => purged = Some(true),
        }
    }
    if purged == Some(true) {
        Ok(Done {})
    } else {
        Err(errors::purge_queue_in_progress(input.queue.name.as_str()))
    }
}

async fn purge_partition(context: &Context<'_>, partition: &Partition) -> Result<Outcome> {
    let answer = context
        .partition(partition, QueueOp::Purge(Purge {}), None)
        .await?;
    let outcome = match &answer {
        QueueAnswer::Outcomes(outcomes) => outcomes.outcomes.first().copied(),
        QueueAnswer::Refused(outcome) => Some(*outcome),
        _ => None,
    };
    match outcome.map(Outcome::try_from) {
        Some(Ok(outcome @ (Outcome::Done | Outcome::PurgeInProgress))) => Ok(outcome),
        _ => Err(misfit(&answer)),
    }
}
