//! SetQueueAttributes.

use api::sqs::set_queue_attributes::Input;
use api::sqs::{Done, errors};
use raft::command::catalog::{CatalogAnswer, CatalogOp, SetQueueAttributes};

use super::{Context, Result};

pub(super) async fn set(context: &Context<'_>, input: Input) -> Result<Done> {
    let queue = context.queue_now(&input.queue).await?;
    let command = SetQueueAttributes {
        key: queue.record.key.clone(),
        changes: input.changes.against(&queue.record.attributes)?,
    };
    match context.catalog(CatalogOp::SetQueueAttributes(command)).await? {
        CatalogAnswer::Queue(_) | CatalogAnswer::Done(_) => Ok(Done {}),
        CatalogAnswer::Refused(_) => Err(errors::queue_does_not_exist()),
    }
}
