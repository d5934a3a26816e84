//! DeleteMessageBatch.

use api::sqs::delete_message_batch::{Input, Output};
use raft::command::queue::{Delete, QueueOp};

use super::{Context, Result, receipts};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    let (handles, batch) = receipts::sort(input.entries, &queue, |handle| (*handle, 0));
    if handles.is_empty() {
        return batch.finish(None);
    }
    let op = QueueOp::Delete(Delete {
        receipts: handles.iter().map(receipts::receipt).collect(),
    });
    batch.finish(Some(context.partition(&queue, op, None).await?))
}
