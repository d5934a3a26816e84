//! SetQueueAttributes.

use api::sqs::Done;
use api::sqs::set_queue_attributes::Input;
use raft::command::catalog::{CatalogOp, SetQueueAttributes};

use super::{Context, Result};

pub(super) async fn set(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue_now(&input.queue).await?;
    let command = SetQueueAttributes {
        key: queue.record.key.clone(),
        changes: input.changes.against(&queue.record.attributes)?,
    };
    context.catalog(CatalogOp::SetQueueAttributes(command)).await?;
    Ok(Done {})
}
