//! UntagQueue.

use api::sqs::Done;
use api::sqs::untag_queue::Input;
use raft::command::catalog::{CatalogOp, UntagQueue};

use super::{Context, Result};

pub(super) async fn untag(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = UntagQueue {
        key: Some(context.key(&input.queue)),
        tag_keys: input.keys,
    };
    context.catalog(CatalogOp::UntagQueue(command)).await?;
    Ok(Done {})
}
