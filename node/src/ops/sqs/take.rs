//! Receiving from all partitions of a queue.
//!
//! Each is asked in turn, from one on that follows from the call, so that calls begin everywhere and a repetition begins where
//! the first one did. If none has a message, all are waited for together; only then one is asked again. Waiting takes nothing:
//! two partitions that have a message at the same moment would both give theirs, and one receive can have only so many.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use raft::command::queue::{QueueAnswer, QueueOp, Receive, Received};
use raft::types::GroupId;
use tokio::time::Instant;

use super::{Context, Result};
use crate::catalog::{Partition, QueueView};

/// Takes what there is, waiting for so long; with the partition that gave it. `command` is what to ask a partition for.
pub(super) async fn take(
    context: &Context<'_>,
    queue: &QueueView,
    command: impl Fn(&Partition) -> Receive,
    wait: Duration,
) -> Result<(GroupId, QueueAnswer)> {
    if let [only] = &queue.partitions[..] {
        let op = QueueOp::Receive(command(only));
        return Ok((only.group, context.partition(only, op, Some(wait)).await?));
    }
    let deadline = Instant::now() + wait;
    loop {
        let now = sweep(context, queue, &command).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !is_empty(&now.1) || left.is_zero() {
            return Ok(now);
        }
        wait_for_any(context, queue, &command, left).await?;
    }
}

/// Asks one partition after the other, until one has messages. One that cannot answer, or refuses, does not cost the messages of
/// the others; what it says counts if none has any.
async fn sweep(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
) -> Result<(GroupId, QueueAnswer)> {
    let first = context.number();
    let mut nothing = Ok((
        queue.partition(first).group,
        QueueAnswer::Received(Received::default()),
    ));
    for turn in 0..queue.partitions.len() as u64 {
        let partition = queue.partition(first.wrapping_add(turn));
        let op = QueueOp::Receive(command(partition));
        match context.partition(partition, op, Some(Duration::ZERO)).await {
            Ok(answer) if is_empty(&answer) => {}
            Ok(answer @ QueueAnswer::Received(_)) => return Ok((partition.group, answer)),
            other => nothing = other.map(|answer| (partition.group, answer)),
        }
    }
    nothing
}

/// Returns when a partition seems to have a message, or after so long.
async fn wait_for_any(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    wait: Duration,
) -> Result<()> {
    let waiting = queue.partitions.iter().map(|partition| {
        // To ask for no message is to ask to be told of one.
        let only_tell = Receive {
            max: 0,
            ..command(partition)
        };
        context.partition(partition, QueueOp::Receive(only_tell), Some(wait))
    });
    let mut waiting: FuturesUnordered<_> = waiting.collect();
    let mut told = Ok(());
    // One that cannot be waited for does not end the wait for the others.
    while let Some(answer) = waiting.next().await {
        told = answer.map(|_| ());
        if told.is_ok() {
            break;
        }
    }
    told
}

fn is_empty(answer: &QueueAnswer) -> bool {
    matches!(answer, QueueAnswer::Received(received) if received.messages.is_empty())
}
