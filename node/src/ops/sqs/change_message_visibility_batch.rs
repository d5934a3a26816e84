//! ChangeMessageVisibilityBatch.

use api::sqs::change_message_visibility_batch::{Input, Output};
use raft::command::queue::{ChangeVisibility, QueueOp};

use super::change_message_visibility::entry;
use super::{Context, Result, receipts};

pub(super) async fn change(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    let (changes, batch) = receipts::sort(input.entries, &queue, |change| {
        (change.receipt, change.visibility_timeout_seconds)
    });
    if changes.is_empty() {
        return batch.finish(None);
    }
    let op = QueueOp::ChangeVisibility(ChangeVisibility {
        entries: changes.iter().map(entry).collect(),
    });
    batch.finish(Some(context.partition(&queue, op, None).await?))
}
