//! DeleteMessage.

use api::sqs::Done;
use api::sqs::delete_message::Input;
use raft::command::queue::{Delete, QueueOp};

use super::{Context, Result, receipts};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue(&input.queue).await?;
    let handle = input.receipt?;
    let partition = receipts::partition(&handle, &queue)?;
    let op = QueueOp::Delete(Delete {
        receipts: vec![receipts::receipt(&handle)],
    });
    let answer = context.partition(partition, op, None).await?;
    receipts::single(&answer, &handle, 0)
}
