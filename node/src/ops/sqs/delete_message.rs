//! DeleteMessage.

use std::iter;

use api::sqs::Done;
use api::sqs::delete_message::Input;
use raft::command::queue::{Delete, QueueOp};

use super::{Context, Result, receipts};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Done> {
    let handle = match input.receipt {
        Ok(handle) => handle,
        // That there is no such queue comes first.
        Err(error) => return context.queue(&input.queue).await.and(Err(error)),
    };
    let queue = receipts::queue_of(context, &input.queue, iter::once(&handle)).await?;
    let partition = receipts::partition(&handle, &queue)?;
    let op = QueueOp::Delete(Delete {
        receipts: vec![receipts::receipt(&handle)],
    });
    let answer = context.partition(partition, op, None).await?;
    receipts::single(&answer, &handle, 0)
}
