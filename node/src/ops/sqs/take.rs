//! Receiving from all partitions of a queue.
//!
//! Each is asked in turn, from one on that follows from the call, so that calls begin everywhere. If none has a message, all are
//! waited for together; only then one is asked again. Waiting takes nothing: two partitions that have a message at the same moment
//! would both give theirs, and one receive can have only so many.
//!
//! A queue may grow meanwhile. Its partitions say so to whoever waits at them.
//!
//! What an earlier try was given, whichever partition that was, is asked for before anything else.

use std::sync::Arc;
use std::time::Duration;

use api::error;
use api::sqs::queue_url::QueueRef;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use raft::command::queue::{Outcome, QueueAnswer, QueueOp, Receive, Received};
use raft::types::GroupId;
use tokio::time::Instant;

use super::{Context, Result};
use crate::catalog::{Partition, QueueView};

/// What was taken, and where.
pub(super) struct Taken {
    pub(super) queue: Arc<QueueView>,
    pub(super) group: GroupId,
    pub(super) answer: QueueAnswer,
}

/// An answer and the partition that gave it.
type Answer = (GroupId, QueueAnswer);

/// Takes what there is, waiting for so long. `command` is what to ask a partition for; `again` says that the same may have been
/// asked for before.
pub(super) async fn take(
    context: &Context<'_>,
    name: &QueueRef,
    mut queue: Arc<QueueView>,
    command: impl Fn(&QueueView, &Partition) -> Receive,
    wait: Duration,
    again: bool,
) -> Result<Taken> {
    let deadline = Instant::now() + wait;
    loop {
        let of_queue = |partition: &Partition| command(&queue, partition);
        let left = deadline.saturating_duration_since(Instant::now());
        let (group, answer) = take_from(context, &queue, &of_queue, left, again).await?;
        if !has_grown(&answer) {
            return Ok(Taken { queue, group, answer });
        }
        queue = context.queue_now(name).await?;
    }
}

/// The same from the partitions that are known. [`Outcome::QueueGrew`] says that there are more.
async fn take_from(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    wait: Duration,
    again: bool,
) -> Result<Answer> {
    if let [only] = &queue.partitions[..] {
        let op = QueueOp::Receive(command(only));
        return Ok((only.group, context.partition(only, op, Some(wait)).await?));
    }
    let deadline = Instant::now() + wait;
    if again && let Some(given) = given_before(context, queue, command).await? {
        return Ok(given);
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let now = sweep(context, queue, command, left.is_zero()).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !is_empty(&now.1) || left.is_zero() {
            return Ok(now);
        }
        let told = wait_for_any(context, queue, command, left).await?;
        if has_grown(&told.1) {
            return Ok(told);
        }
    }
}

/// What the same receive was given before, if anything.
async fn given_before(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
) -> Result<Option<Answer>> {
    let asked = queue.partitions.iter().map(async |partition| {
        let again = Receive {
            again: true,
            ..command(partition)
        };
        let op = QueueOp::Receive(again);
        let answer = context.partition(partition, op, Some(Duration::ZERO)).await;
        (partition.group, answer)
    });
    let mut unknown = Ok(None);
    for (group, answer) in join_all(asked).await {
        match answer {
            Ok(answer) if is_empty(&answer) => {}
            Ok(answer) => return Ok(Some((group, answer))),
            // Perhaps it was this one. On a standard queue no order depends on it.
            Err(error) if queue.settings.fifo => unknown = Err(error),
            Err(_) => {}
        }
    }
    unknown
}

/// Asks one partition after the other, until one has messages. One that cannot answer, or refuses, does not cost the messages of
/// the others; what it says counts if none has any. Those without a leader come last, and if there is time to wait for them,
/// not at all.
async fn sweep(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    is_last: bool,
) -> Result<Answer> {
    let first = context.number();
    let all = (0..queue.partitions.len() as u64).map(|turn| queue.partition(first.wrapping_add(turn)));
    let (led, leaderless): (Vec<&Partition>, Vec<&Partition>) =
        all.partition(|partition| context.frontend.router.may_be_led(partition.group));
    let leaderless = leaderless.into_iter().filter(|_| is_last);
    let mut nothing = Ok((
        queue.partition(first).group,
        QueueAnswer::Received(Received::default()),
    ));
    for partition in led.into_iter().chain(leaderless) {
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
) -> Result<Answer> {
    let waiting = queue.partitions.iter().map(async |partition| {
        // To ask for no message is to ask to be told of one.
        let only_tell = Receive {
            max: 0,
            ..command(partition)
        };
        let answer = context
            .partition(partition, QueueOp::Receive(only_tell), Some(wait))
            .await?;
        Ok((partition.group, answer))
    });
    let mut waiting: FuturesUnordered<_> = waiting.collect();
    let mut told = Err(error::service_unavailable());
    // One that cannot be waited for does not end the wait for the others.
    while let Some(answer) = waiting.next().await {
        told = answer;
        if told.is_ok() {
            break;
        }
    }
    told
}

fn has_grown(answer: &QueueAnswer) -> bool {
    *answer == QueueAnswer::Refused(Outcome::QueueGrew.into())
}

fn is_empty(answer: &QueueAnswer) -> bool {
    matches!(answer, QueueAnswer::Received(received) if received.messages.is_empty())
}
