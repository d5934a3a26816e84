//! SendMessage and SendMessageBatch.

use api::sqs::batch::Output as BatchOutput;
use api::sqs::message::Message;
use api::sqs::send_message::{BatchInput, Digests, Input, Output, SentEntry};
use bytes::Bytes;
use prost::Message as _;
use raft::command::queue::{Attributes, MessageAttribute, QueueAnswer, QueueOp, Send, SendEntry, Sent};

use super::{Context, Result, message_id, misfit, sequence_number};
use crate::catalog::QueueView;

pub(super) async fn send(context: &Context<'_>, input: Input) -> Result<Output> {
    let (queue, draft) = input.validate()?;
    let queue = context.queue(queue).await?;
    let message = draft.fit(&queue.settings)?;
    let digests = Digests::of(&message);
    let sent = add(context, &queue, vec![message]).await?;
    let entry = sent.entries.into_iter().next().unwrap_or_default();
    Ok(digests.output(message_id(&entry.message_id), number(&queue, entry.sequence)))
}

pub(super) async fn send_batch(context: &Context<'_>, input: BatchInput) -> Result<BatchOutput<SentEntry>> {
    let (queue, batch) = input.validate()?;
    let queue = context.queue(queue).await?;
    let (taken, failed) = batch.fit(&queue.settings)?;
    let (ids, messages): (Vec<String>, Vec<Message>) = taken.into_iter().unzip();
    let digests: Vec<Digests> = messages.iter().map(Digests::of).collect();
    let sent = if messages.is_empty() {
        Sent::default()
    } else {
        add(context, &queue, messages).await?
    };
    let successful = ids
        .into_iter()
        .zip(digests)
        .zip(sent.entries)
        .map(|((id, digests), entry)| {
            digests
                .output(message_id(&entry.message_id), number(&queue, entry.sequence))
                .entry(id)
        })
        .collect();
    Ok(BatchOutput { successful, failed })
}

async fn add(context: &Context<'_>, queue: &QueueView, messages: Vec<Message>) -> Result<Sent> {
    let wanted = messages.len();
    let entries = messages.into_iter().map(|m| entry(context, m)).collect();
    match context
        .partition(queue, QueueOp::Send(Send { entries }), None)
        .await?
    {
        QueueAnswer::Sent(sent) if sent.entries.len() == wanted => Ok(sent),
        other => Err(misfit(&other)),
    }
}

fn entry(context: &Context<'_>, message: Message) -> SendEntry {
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
        trace_header: message
            .trace_header
            .map(|a| String::from_utf8_lossy(&a.value).into_owned())
            .unwrap_or_default(),
        sender_id: context.account.clone(),
    };
    SendEntry {
        body: message.body,
        attributes: Bytes::from(attributes.encode_to_vec()),
        delay_ms: message.delay_ms,
        group: message.group,
        deduplication_id: message.deduplication_id,
    }
}

fn number(queue: &QueueView, sequence: u64) -> Option<String> {
    queue.settings.fifo.then(|| sequence_number(sequence))
}
