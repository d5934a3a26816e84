//! DeleteQueue.

use api::sqs::errors;
use api::sqs::list_queues::QueueAlone;
use raft::command::catalog::{CatalogAnswer, CatalogOp};

use super::{Context, Result};

pub(super) async fn delete(context: &Context<'_>, input: QueueAlone) -> Result<()> {
    let key = context.key(input.queue()?);
    match context.catalog(CatalogOp::DeleteQueue(key)).await? {
        CatalogAnswer::Refused(_) => Err(errors::no_such_queue()),
        CatalogAnswer::Done(_) | CatalogAnswer::Queue(_) => Ok(()),
    }
}
