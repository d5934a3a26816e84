//! ChangeMessageVisibilityBatch.

use api::sqs::change_message_visibility::Change;
use api::sqs::change_message_visibility_batch::{Input, Output};
use raft::command::queue::{ChangeVisibility, QueueOp};

use super::change_message_visibility::entry;
use super::{Context, Result, receipts};

pub(super) async fn change(context: &Context<'_>, input: Input) -> Result<Output> {
    let asked = |change: &Change| (change.receipt, change.visibility_timeout_seconds);
    receipts::batch(context, &input.queue, input.entries, asked, command).await
}

fn command(changes: Vec<&Change>) -> QueueOp {
    QueueOp::ChangeVisibility(ChangeVisibility {
        entries: changes.into_iter().map(entry).collect(),
    })
}
