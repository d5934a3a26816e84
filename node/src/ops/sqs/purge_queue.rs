//! PurgeQueue.

use api::sqs::purge_queue::Input;
use api::sqs::{Done, errors};
use raft::command::queue::{Outcome, Purge, QueueAnswer, QueueOp};

use super::{Context, Result, misfit};
use crate::catalog::Partition;

pub(super) async fn purge(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue_now(&input.queue).await?;
    // The first partition says for all whether it may be. A repetition of the call finds what it said, and goes on with the others.
    for (number, partition) in queue.partitions.iter().enumerate() {
        if purge_partition(context, partition, number > 0).await? == Outcome::PurgeInProgress {
            return Err(errors::purge_queue_in_progress(input.queue.name.as_str()));
        }
    }
    Ok(Done {})
}

async fn purge_partition(context: &Context<'_>, partition: &Partition, forced: bool) -> Result<Outcome> {
    let op = QueueOp::Purge(Purge { forced });
    let answer = context.partition(partition, op, None).await?;
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
