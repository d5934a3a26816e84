//! SetQueueAttributes.

use api::sqs::errors;
use api::sqs::set_queue_attributes::Input;
use raft::command::catalog::{CatalogAnswer, CatalogOp, SetQueueAttributes};

use super::{Context, Result};

pub(super) async fn set(context: &Context<'_>, input: Input) -> Result<()> {
    let queue = context.queue(input.queue()?).await?;
    let changes = input.changes(&queue.record.attributes)?;
    let command = SetQueueAttributes {
        key: queue.record.key.clone(),
        changes,
    };
    match context.catalog(CatalogOp::SetQueueAttributes(command)).await? {
        CatalogAnswer::Queue(_) | CatalogAnswer::Done(_) => Ok(()),
        CatalogAnswer::Refused(_) => Err(errors::no_such_queue()),
    }
}
