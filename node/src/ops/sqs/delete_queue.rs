//! DeleteQueue.

use api::sqs::delete_queue::Input;
use api::sqs::{Done, errors};
use raft::command::catalog::{CatalogAnswer, CatalogOp};

use super::{Context, Result};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Done> {
    let key = context.key(&input.queue);
    match context.catalog(CatalogOp::DeleteQueue(key)).await? {
        CatalogAnswer::Refused(_) => Err(errors::queue_does_not_exist()),
        CatalogAnswer::Done(_) | CatalogAnswer::Queue(_) => Ok(Done {}),
    }
}
