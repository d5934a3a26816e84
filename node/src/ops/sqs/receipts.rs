//! What the operations on received messages have in common: receipt handles on their way to the
//! machine, and what became of them on their way back.

use std::sync::Arc;

use api::error;
use api::sqs::batch::{BatchOutput, DoneEntry, Entry, EntryId, Failed};
use api::sqs::queue_url::QueueRef;
use api::sqs::receipt::ReceiptHandle;
use api::sqs::{Done, errors};
use raft::command::queue::{Outcome, QueueAnswer, QueueOp, Receipt};
use raft::types::GroupId;

use super::{Context, Result, misfit};
use crate::catalog::{Partition, QueueView};

/// What a handle stands for within its partition.
pub(super) fn receipt(handle: &ReceiptHandle) -> Receipt {
    Receipt {
        sequence: handle.sequence,
        delivery: handle.delivery,
    }
}

/// The queue with the partitions that gave these handles, as far as there are such partitions: one of them may be newer than what this
/// node knows.
pub(super) async fn queue_of(
    context: &Context<'_>,
    name: &QueueRef,
    mut handles: impl Iterator<Item = &ReceiptHandle>,
) -> Result<Arc<QueueView>> {
    let queue = context.queue(name).await?;
    if handles.all(|handle| queue.of_group(GroupId(handle.group)).is_some()) {
        return Ok(queue);
    }
    context.queue_now(name).await
}

/// The partition that gave a handle; refuses one that another queue gave.
pub(super) fn partition<'a>(handle: &ReceiptHandle, queue: &'a QueueView) -> Result<&'a Partition> {
    let partition = queue.of_group(GroupId(handle.group));
    partition.ok_or_else(|| errors::receipt_handle_is_invalid(&handle.to_string()))
}

/// The outcome of the one receipt of a command.
pub(super) fn single(answer: &QueueAnswer, handle: &ReceiptHandle, timeout_seconds: u32) -> Result<Done> {
    match answer {
        QueueAnswer::Outcomes(outcomes) if outcomes.outcomes.len() == 1 => {
            outcome(outcomes.outcomes[0], handle, timeout_seconds)
        }
        _ => Err(misfit(answer)),
    }
}

/// What one outcome means for the client.
fn outcome(outcome: i32, handle: &ReceiptHandle, timeout_seconds: u32) -> Result<Done> {
    match Outcome::try_from(outcome) {
        Ok(Outcome::Done) => Ok(Done {}),
        Ok(Outcome::ReceiptExpired) => Err(errors::receipt_handle_expired(handle)),
        Ok(Outcome::NoSuchMessage) => Err(errors::message_is_gone(handle)),
        Ok(Outcome::NotInFlight) => Err(errors::message_not_inflight()),
        Ok(Outcome::BeyondTwelveHours) => Err(errors::beyond_twelve_hours(timeout_seconds)),
        other => {
            tracing::error!(?other, "the outcome does not fit a receipt");
            Err(error::internal_failure())
        }
    }
}

/// Does a batch: of each partition, what it has to do with one command. `command` makes it from entries.
pub(super) async fn batch<T>(
    context: &Context<'_>,
    name: &QueueRef,
    entries: Vec<Entry<T>>,
    asked: impl Fn(&T) -> Asked,
    command: impl Fn(Vec<&T>) -> QueueOp,
) -> Result<BatchOutput<DoneEntry>> {
    let contents = entries.iter().filter_map(|entry| entry.content.as_ref().ok());
    let handles: Vec<ReceiptHandle> = contents.map(|content| asked(content).0).collect();
    let queue = &*queue_of(context, name, handles.iter()).await?;
    let (good, batch) = sort(entries, queue, &asked);
    let mut outcomes = vec![0; good.len()];
    for partition in &queue.partitions {
        let of_it = |entry: &&T| asked(entry).0.group == partition.group.0;
        let places: Vec<usize> = (0..good.len()).filter(|place| of_it(&&good[*place])).collect();
        if places.is_empty() {
            continue;
        }
        let op = command(places.iter().map(|place| &good[*place]).collect());
        match context.partition(partition, op, None).await? {
            QueueAnswer::Outcomes(answer) if answer.outcomes.len() == places.len() => {
                let told = places.into_iter().zip(answer.outcomes);
                told.for_each(|(place, outcome)| outcomes[place] = outcome);
            }
            other => return Err(misfit(&other)),
        }
    }
    batch.finish(outcomes)
}

/// What the machine was asked for one entry: its handle and its new timeout in seconds.
type Asked = (ReceiptHandle, u32);

/// A batch whose good entries are with the machine; the others are refused already.
struct Batch {
    entries: Vec<(EntryId, Result<Asked>)>,
}

/// Divides a batch into what goes to the machine and what the answer needs.
fn sort<T>(entries: Vec<Entry<T>>, queue: &QueueView, asked: impl Fn(&T) -> Asked) -> (Vec<T>, Batch) {
    let mut good = Vec::with_capacity(entries.len());
    let sorted = entries.into_iter().map(|Entry { id, content }| {
        let fate = content.and_then(|content| {
            let asked = asked(&content);
            partition(&asked.0, queue)?;
            good.push(content);
            Ok(asked)
        });
        (id, fate)
    });
    let entries = sorted.collect();
    (good, Batch { entries })
}

impl Batch {
    /// The batch's answer, from what became of its good entries.
    fn finish(self, outcomes: Vec<i32>) -> Result<BatchOutput<DoneEntry>> {
        let mut outcomes = outcomes.into_iter();
        let mut output = BatchOutput::default();
        for (id, fate) in self.entries {
            let fate = fate
                .and_then(|(handle, timeout)| outcome(outcomes.next().unwrap_or_default(), &handle, timeout));
            match fate {
                Ok(Done {}) => output.successful.push(DoneEntry { id }),
                Err(error) => output.failed.push(Failed::new(id, &error)),
            }
        }
        Ok(output)
    }
}
