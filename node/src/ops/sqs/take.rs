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
use futures::stream::FuturesUnordered;
use raft::command::queue::{Outcome, QueueAnswer, QueueOp, Receive, Received};
use raft::types::GroupId;
use tokio::time::Instant;

use super::{Context, Result, misfit};
use crate::catalog::{Partition, QueueView};

/// What was taken, and where.
pub(super) struct Taken {
    pub(super) queue: Arc<QueueView>,
    pub(super) group: GroupId,
    pub(super) answer: QueueAnswer,
}

/// An answer and the partition that gave it.
type Answer = (GroupId, QueueAnswer);

/// Whether the same may have been asked for before.
#[derive(Clone, Copy)]
pub(super) struct Again {
    /// By an earlier try of the call.
    pub(super) call: bool,
    /// FIFO: by another call with the same attempt id.
    pub(super) attempt: bool,
}

/// How long a partition is asked for what an earlier try of the call was given. (Attempts must be known.)
const RECOLLECTION: Duration = Duration::from_secs(1);

/// Takes what there is, waiting for so long. `command` is what to ask a partition for.
pub(super) async fn take(
    context: &Context<'_>,
    name: &QueueRef,
    mut queue: Arc<QueueView>,
    command: impl Fn(&QueueView, &Partition) -> Receive,
    wait: Duration,
    again: Again,
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
    again: Again,
) -> Result<Answer> {
    if let [only] = &queue.partitions[..] {
        let bytes = context.encode(QueueOp::Receive(command(only)));
        let mut waited = Duration::ZERO;
        let answer = context
            .command_waiting(only, bytes, Some(wait), &mut waited)
            .await;
        context.waited.add(waited);
        return Ok((only.group, answer?));
    }
    let deadline = Instant::now() + wait;
    if (again.call || again.attempt)
        && let Some(given) = given_before(context, queue, command, again.attempt).await?
    {
        return Ok(given);
    }
    let mut first = context.number();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return last_sweep(context, queue, command, first).await;
        }
        if let Some(taken) = sweep(context, queue, command, first).await? {
            return Ok(taken);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let told = wait_for_any(context, queue, command, left).await?;
        if has_grown(&told.1) {
            return Ok(told);
        }
        let mut all = queue.partitions.iter();
        first = all.position(|partition| partition.group == told.0).unwrap_or(0) as u64;
    }
}

/// What the same receive was given before, if anything.
async fn given_before(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    must_know: bool,
) -> Result<Option<Answer>> {
    let limit = if must_know { Duration::MAX } else { RECOLLECTION };
    let asked = queue.partitions.iter().map(async |partition| {
        let again = Receive {
            again: true,
            ..command(partition)
        };
        let op = QueueOp::Receive(again);
        let answer = context.partition(partition, op, Some(Duration::ZERO));
        let answer = tokio::time::timeout(limit, answer).await;
        (
            partition.group,
            answer.unwrap_or_else(|_| Err(error::service_unavailable())),
        )
    });
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut unknown = Ok(None);
    while let Some((group, answer)) = asked.next().await {
        match answer {
            Ok(answer) if is_empty(&answer) => {}
            // An attempt that has no room for its messages gets none, and no others either.
            Ok(answer) if is_full(&answer) => {
                let nothing = QueueAnswer::Received(Received::default());
                return Ok(Some((group, nothing)));
            }
            Ok(answer) => return Ok(Some((group, answer))),
            // Perhaps it was this one. Without an attempt id nobody relies on it.
            Err(error) if must_know => unknown = Err(error),
            Err(_) => {}
        }
    }
    unknown
}

/// Asks one partition after the other, from one on, until one has messages. Those that have no leader in time are left
/// to the wait after it.
async fn sweep(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    first: u64,
) -> Result<Option<Answer>> {
    for partition in queue.partitions_from(first) {
        if !context.frontend.router.may_be_led(partition.group) {
            continue;
        }
        match ask(context, partition, command).await {
            Ok(answer) if is_empty(&answer) || is_full(&answer) => {}
            Ok(answer) => return Ok(Some((partition.group, answer))),
            Err(error) if error.spec() == error::service_unavailable().spec() => {}
            // A queue that is gone is gone; and one that has too much to do would be asked again and again.
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The same when there is no time to wait: all are asked. That one could not answer counts if no other one has messages, and that one
/// has too many in flight if that is true of all.
async fn last_sweep(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    first: u64,
) -> Result<Answer> {
    let all = queue.partitions_from(first);
    let (led, leaderless): (Vec<&Partition>, Vec<&Partition>) =
        all.partition(|partition| context.frontend.router.may_be_led(partition.group));
    let (mut failure, mut empty, mut full) = (None, None, None);
    for partition in led.into_iter().chain(leaderless) {
        match ask(context, partition, command).await {
            Ok(answer) if is_empty(&answer) => empty = Some((partition.group, answer)),
            Ok(answer) if is_full(&answer) => full = Some((partition.group, answer)),
            Ok(answer) => return Ok((partition.group, answer)),
            Err(error) => failure = Some(error),
        }
    }
    match (failure, empty.or(full)) {
        (Some(error), _) => Err(error),
        (None, Some(answer)) => Ok(answer),
        (None, None) => Err(misfit(&"no partition")),
    }
}

/// What a partition has now.
async fn ask(
    context: &Context<'_>,
    partition: &Partition,
    command: &impl Fn(&Partition) -> Receive,
) -> Result<QueueAnswer> {
    let op = QueueOp::Receive(command(partition));
    context.partition(partition, op, Some(Duration::ZERO)).await
}

/// Returns when a partition seems to have a message, or after so long.
async fn wait_for_any(
    context: &Context<'_>,
    queue: &QueueView,
    command: &impl Fn(&Partition) -> Receive,
    wait: Duration,
) -> Result<Answer> {
    let begun = Instant::now();
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
            context.waited.add(begun.elapsed());
            break;
        }
    }
    told
}

fn has_grown(answer: &QueueAnswer) -> bool {
    *answer == QueueAnswer::Refused(Outcome::QueueGrew.into())
}

fn is_full(answer: &QueueAnswer) -> bool {
    *answer == QueueAnswer::Refused(Outcome::TooManyInFlight.into())
}

fn is_empty(answer: &QueueAnswer) -> bool {
    matches!(answer, QueueAnswer::Received(received) if received.messages.is_empty())
}
