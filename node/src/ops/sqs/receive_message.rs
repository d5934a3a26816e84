//! ReceiveMessage.

use std::time::Duration;

use api::sqs::errors;
use api::sqs::message_attributes::MessageAttribute;
use api::sqs::receipt::ReceiptHandle;
use api::sqs::receive_message::{self, Input, Output};
use prost::Message;
use raft::command::queue::{Attributes, Delivered, Outcome, QueueAnswer, Receive};
use raft::types::GroupId;

use super::{Context, Result, message_id, misfit, sequence_number, take};
use crate::catalog::{Partition, QueueView};

pub(super) async fn receive(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    let seconds = |own: Option<u32>, queues_ms: u64| own.map_or(queues_ms, |s| u64::from(s) * 1000);
    let command = |queue: &QueueView, partition: &Partition| Receive {
        max: input.messages_max,
        visibility_ms: seconds(
            input.visibility_timeout_seconds,
            queue.settings.visibility_timeout_ms,
        ),
        receives_max: queue
            .redrive
            .as_ref()
            .map_or(0, |(redrive, _)| redrive.receives_max),
        dead_letters: dead_letters(context, queue, partition),
        attempt: input.attempt_id.clone().unwrap_or_default(),
        again: false,
        partitions: queue.partitions.len() as u32,
    };
    let wait = Duration::from_millis(seconds(input.wait_seconds, queue.settings.receive_wait_ms));
    let has_attempt = queue.settings.fifo && input.attempt_id.is_some();
    let again = take::Again {
        call: context.may_be_retry(),
        attempt: has_attempt,
    };
    let taken = take::take(context, &input.queue, queue, command, wait, again).await?;
    match taken.answer {
        QueueAnswer::Received(received) => {
            let messages = received.messages.into_iter();
            let delivered = messages.map(|message| delivered(&taken.queue, taken.group, message));
            Ok(Output::new(delivered.collect::<Result<_>>()?, &input.selection))
        }
        QueueAnswer::Refused(outcome) if outcome == i32::from(Outcome::TooManyInFlight) => {
            Err(errors::too_many_in_flight())
        }
        QueueAnswer::Refused(outcome) if outcome == i32::from(Outcome::AttemptNotRetryable) => Err(
            errors::attempt_not_retryable(input.attempt_id.as_deref().unwrap_or_default()),
        ),
        other => Err(misfit(&other)),
    }
}

/// The partitions for a partition's dead letters; none if the queue has no policy, or no dead-letter queue any more. On a FIFO queue
/// the messages' groups choose.
fn dead_letters(context: &Context<'_>, queue: &QueueView, partition: &Partition) -> Vec<u64> {
    let target = queue.redrive.as_ref();
    let Some(target) = target.and_then(|(_, key)| context.frontend.catalog.queue_here(key)) else {
        return Vec::new();
    };
    if target.settings.fifo {
        return target
            .partitions
            .iter()
            .map(|partition| partition.group.0)
            .collect();
    }
    vec![target.partition(partition.group.0).group.0]
}

fn delivered(queue: &QueueView, group: GroupId, message: Delivered) -> Result<receive_message::Delivered> {
    let receipt = message.receipt.unwrap_or_default();
    // The node that sent it encoded them; what cannot be read is none.
    let attributes = Attributes::decode(message.attributes).unwrap_or_default();
    Ok(receive_message::Delivered {
        receipt: ReceiptHandle {
            group: group.0,
            sequence: receipt.sequence,
            delivery: receipt.delivery,
        },
        message_id: message_id(&message.message_id)?,
        body: message.body,
        attributes: attributes
            .message
            .into_iter()
            .map(|a| MessageAttribute {
                name: a.name,
                data_type: a.data_type,
                value: a.value,
            })
            .collect(),
        trace_header: Some(attributes.trace_header).filter(|header| !header.is_empty()),
        sender_id: attributes.sender_id,
        dead_letter_source: attributes.dead_letter_source,
        sent_ms: message.sent_ms,
        first_received_ms: message.first_received_ms,
        receive_count: message.receive_count.saturating_add(attributes.received_before),
        group: message.group,
        deduplication_id: message.deduplication_id,
        sequence_number: sequence_number(queue, group, receipt.sequence),
    })
}
