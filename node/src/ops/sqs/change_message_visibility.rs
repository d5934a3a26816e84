//! ChangeMessageVisibility.

use std::iter;

use api::sqs::Done;
use api::sqs::change_message_visibility::{Change, Input};
use raft::command::queue::{ChangeVisibility, QueueOp, VisibilityEntry};

use super::{Context, Result, receipts};

pub(super) async fn change(context: &Context<'_>, input: Input) -> Result<Done> {
    let change = match input.change {
        Ok(change) => change,
        // That there is no such queue comes first.
        Err(error) => return context.queue(&input.queue).await.and(Err(error)),
    };
    let queue = receipts::queue_of(context, &input.queue, iter::once(&change.receipt)).await?;
    let partition = receipts::partition(&change.receipt, &queue)?;
    let op = QueueOp::ChangeVisibility(ChangeVisibility {
        entries: vec![entry(&change)],
    });
    let answer = context.partition(partition, op, None).await?;
    receipts::single(&answer, &change.receipt, change.visibility_timeout_seconds)
}

pub(super) fn entry(change: &Change) -> VisibilityEntry {
    VisibilityEntry {
        receipt: Some(receipts::receipt(&change.receipt)),
        visibility_ms: u64::from(change.visibility_timeout_seconds) * 1000,
    }
}
