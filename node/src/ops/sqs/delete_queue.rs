//! DeleteQueue.

use api::sqs::Done;
use api::sqs::delete_queue::Input;
use raft::command::catalog::CatalogOp;

use super::{Context, Result};

pub(super) async fn delete(context: &Context<'_>, input: Input) -> Result<Done> {
    let key = context.key(&input.queue);
    context.catalog(CatalogOp::DeleteQueue(key)).await?;
    Ok(Done {})
}
