//! SendMessage, and how messages get into a queue.

use api::sqs::message::{PreparedMessage, SentBy};
use api::sqs::send_message::{Input, Output};
use bytes::Bytes;
use prost::Message as _;
use raft::command::queue::{Attributes, MessageAttribute, QueueAnswer, QueueOp, Send, SendEntry, SentEntry};

use super::{Context, Result, message_id, misfit, sequence_number};
use crate::catalog::QueueView;

pub(super) async fn send(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    let message = input.message.prepare(&queue.settings, SentBy::Single)?;
    let digests = message.digests;
    let sent = add(context, &queue, vec![message]).await?;
    Ok(Output::new(
        digests,
        message_id(&sent[0].message_id)?,
        sequence_number(&queue, sent[0].sequence),
    ))
}

/// Adds messages; the result has an entry for each, in order.
pub(super) async fn add(
    context: &Context<'_>,
    queue: &QueueView,
    messages: Vec<PreparedMessage>,
) -> Result<Vec<SentEntry>> {
    let wanted = messages.len();
    let entries = messages.into_iter().map(|m| entry(context, m)).collect();
    // A repetition of the call finds the first one where that was.
    let partition = queue.partition(context.number());
    match context
        .partition(partition, QueueOp::Send(Send { entries }), None)
        .await?
    {
        QueueAnswer::Sent(sent) if sent.entries.len() == wanted => Ok(sent.entries),
        other => Err(misfit(&other)),
    }
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
