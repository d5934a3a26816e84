//! ReceiveMessage.

use std::time::Duration;

use api::error::ApiError;
use api::sqs::message_attributes::Attribute;
use api::sqs::receive_message::{Delivery, Input, Output};
use api::sqs::{ReceiptHandle, errors};
use prost::Message;
use raft::command::queue::{Attributes, Delivered, Outcome, QueueAnswer, QueueOp, Receive};

use super::{Context, Result, message_id, misfit, sequence_number};
use crate::catalog::QueueView;

pub(super) async fn receive(context: &Context<'_>, input: Input) -> Result<Output> {
    let request = input.validate()?;
    let queue = context.queue(request.queue.clone()).await?;
    let command = Receive {
        max: request.max,
        visibility_ms: request.visibility_ms(&queue.settings),
    };
    let wait = Duration::from_secs(request.wait_s(&queue.settings));
    match context
        .partition(&queue, QueueOp::Receive(command), Some(wait))
        .await?
    {
        QueueAnswer::Received(received) => {
            Ok(request.answer(received.messages.into_iter().map(|m| delivery(&queue, m))))
        }
        QueueAnswer::Refused(outcome) if outcome == i32::from(Outcome::TooManyInFlight) => {
            let message =
                "Too many messages are in flight: delete some of them, or wait until they are visible again.";
            Err(ApiError::new(&errors::OVER_LIMIT, message))
        }
        other => Err(misfit(&other)),
    }
}

fn delivery(queue: &QueueView, message: Delivered) -> Delivery {
    let receipt = message.receipt.unwrap_or_default();
    // The node that sent it encoded them; what cannot be read is none.
    let attributes = Attributes::decode(message.attributes).unwrap_or_default();
    Delivery {
        receipt: ReceiptHandle {
            group: queue.group().0,
            sequence: receipt.sequence,
            delivery: receipt.delivery,
        },
        message_id: message_id(&message.message_id),
        body: message.body,
        attributes: attributes
            .message
            .into_iter()
            .map(|a| Attribute {
                name: a.name,
                data_type: a.data_type,
                value: a.value,
            })
            .collect(),
        trace_header: attributes.trace_header,
        sender_id: attributes.sender_id,
        sent_ms: message.sent_ms,
        first_received_ms: message.first_received_ms,
        receive_count: message.receive_count,
        group: message.group,
        deduplication_id: message.deduplication_id,
        sequence_number: queue.settings.fifo.then(|| sequence_number(receipt.sequence)),
    }
}
