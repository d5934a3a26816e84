//! DeleteMessageBatch.

use api::sqs::delete_message_batch::{Input, Output};
use api::sqs::receipt::ReceiptHandle;
use raft::command::queue::{Delete, QueueOp};

use super::{Context, Result, receipts};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Output> {
    receipts::batch(
        context,
        &input.queue,
        input.entries,
        |handle| (*handle, 0),
        command,
    )
    .await
}

fn command(handles: Vec<&ReceiptHandle>) -> QueueOp {
    QueueOp::Delete(Delete {
        receipts: handles.into_iter().map(receipts::receipt).collect(),
    })
}
