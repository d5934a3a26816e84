//! Putting messages into the partitions where they belong.
//!
//! - FIFO: a message group has one partition for good. A batch may concern several, each of which takes its part for itself.
//! - Standard: all messages of a call go to one partition, which follows from the call, so that a repetition finds the first
//!   result there. A queue that has grown has other places for the same calls: a repetition recalls the call from those that it had
//!   before (`raft::machine::queue`, recall) and only then goes to the one that it has now.

use std::collections::BTreeMap;

use api::error;
use api::sqs::message::PreparedMessage;
use api::sqs::queue_url::QueueRef;
use api::sqs::sequence_number::SequenceNumber;
use api::types::MessageId;
use bytes::Bytes;
use futures::future::join_all;
use prost::Message as _;
use raft::command::queue::{
    Attributes, MessageAttribute, Outcome, QueueAnswer, QueueOp, Recall, Send, SendEntry, SentEntry,
};

use super::{Context, Result, message_id, misfit, sequence_number};
use crate::catalog::{Partition, QueueView};

/// How often a call looks for its place: once, and once more if this node did not know how the queue has grown.
const ATTEMPTS_MAX: usize = 2;

/// A message that is in the queue.
pub(super) struct Added {
    pub(super) id: MessageId,
    pub(super) sequence: Option<SequenceNumber>,
}

/// Adds messages; says of each what became of it, in order. An error is one of the whole call.
pub(super) async fn put(
    context: &Context<'_>,
    name: &QueueRef,
    queue: &QueueView,
    messages: Vec<PreparedMessage>,
) -> Result<Vec<Result<Added>>> {
    let entries: Vec<SendEntry> = messages.into_iter().map(|m| entry(context, m)).collect();
    if queue.settings.fifo {
        return put_by_group(context, queue, entries).await;
    }
    let wanted = entries.len();
    let (place, sent) = put_anywhere(context, name, queue, entries).await?;
    let sent = same_number(sent, wanted)?;
    let added = sent.into_iter().map(|sent| added(queue, &place, &sent));
    Ok(added.collect())
}

/// Each message where its group belongs.
async fn put_by_group(
    context: &Context<'_>,
    queue: &QueueView,
    entries: Vec<SendEntry>,
) -> Result<Vec<Result<Added>>> {
    let mut shares: BTreeMap<usize, (Vec<usize>, Vec<SendEntry>)> = BTreeMap::new();
    let count = entries.len();
    for (place, entry) in entries.into_iter().enumerate() {
        let (places, of_it) = shares.entry(queue.share(&entry.group)).or_default();
        places.push(place);
        of_it.push(entry);
    }
    let puts = shares.into_iter().map(async |(share, (places, entries))| {
        let partition = &queue.partitions[share];
        let command = context.encode(QueueOp::Send(Send { entries }));
        let answer = context.command(partition, command, None).await;
        let sent = answer.and_then(|answer| same_number(answer, places.len()));
        (partition, places, sent)
    });
    let done = join_all(puts).await;
    if let Some(error) = failure_of_all(&done) {
        return Err(error);
    }
    let mut all: Vec<Option<Result<Added>>> = (0..count).map(|_| None).collect();
    for (partition, places, sent) in done {
        for (turn, place) in places.into_iter().enumerate() {
            all[place] = Some(match &sent {
                Ok(sent) => added(queue, partition, &sent[turn]),
                Err(error) => Err(error.clone()),
            });
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// If nothing was added, the SDK may as well repeat the whole call.
fn failure_of_all<P, I>(done: &[(P, I, Result<Vec<SentEntry>>)]) -> Option<error::ApiError> {
    let mut failures = done.iter().filter_map(|(_, _, sent)| sent.as_ref().err());
    let first = failures.next()?;
    (failures.count() + 1 == done.len()).then(|| first.clone())
}

/// All messages in the partition that the call has; with that partition.
async fn put_anywhere(
    context: &Context<'_>,
    name: &QueueRef,
    queue: &QueueView,
    entries: Vec<SendEntry>,
) -> Result<(Partition, QueueAnswer)> {
    let command = context.encode(QueueOp::Send(Send { entries }));
    // Who made a call before may have known of a growth that this node does not know of yet.
    let mut newer = match context.may_be_retry() {
        true => Some(context.queue_now(name).await?),
        false => None,
    };
    for _ in 0..ATTEMPTS_MAX {
        let queue = newer.as_deref().unwrap_or(queue);
        // The first time, if the call says that it is one, there is nothing to recall.
        if newer.is_some() {
            for earlier in queue.earlier_partitions(context.number(), context.frontend.env.clock.now()) {
                let recall = context.encode(QueueOp::Recall(Recall {}));
                let answer = context.command(earlier, recall, None).await?;
                if !is_recalled(&answer) {
                    return Ok((earlier.clone(), answer));
                }
            }
        }
        let place = queue.partition(context.number());
        let answer = context.command(place, command.clone(), None).await?;
        if !is_recalled(&answer) {
            return Ok((place.clone(), answer));
        }
        newer = Some(context.queue_now(name).await?);
    }
    Err(error::service_unavailable())
}

fn is_recalled(answer: &QueueAnswer) -> bool {
    *answer == QueueAnswer::Refused(Outcome::Recalled.into())
}

fn same_number(answer: QueueAnswer, wanted: usize) -> Result<Vec<SentEntry>> {
    match answer {
        QueueAnswer::Sent(sent) if sent.entries.len() == wanted => Ok(sent.entries),
        other => Err(misfit(&other)),
    }
}

fn added(queue: &QueueView, partition: &Partition, sent: &SentEntry) -> Result<Added> {
    Ok(Added {
        id: message_id(&sent.message_id)?,
        sequence: sequence_number(queue, partition.group, sent.sequence),
    })
}

fn entry(context: &Context<'_>, message: PreparedMessage) -> SendEntry {
    let attributes = Attributes {
        message: message
            .attributes
            .into_iter()
            .map(|a| MessageAttribute {
                name: a.name,
                data_type: a.data_type,
                value: a.value,
            })
            .collect(),
        trace_header: message.trace_header.unwrap_or_default(),
        sender_id: context.call.caller.account.to_string(),
        ..Attributes::default()
    };
    SendEntry {
        body: message.body,
        attributes: Bytes::from(attributes.encode_to_vec()),
        delay_ms: message.delay_ms,
        group: message.group,
        deduplication_id: message.deduplication_id,
    }
}
