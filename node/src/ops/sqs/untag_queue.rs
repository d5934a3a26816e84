//! UntagQueue.

use api::sqs::untag_queue::Input;
use api::sqs::{Done, errors};
use raft::command::catalog::{CatalogAnswer, CatalogOp, UntagQueue};

use super::{Context, Result};

pub(super) async fn untag(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = UntagQueue {
        key: Some(context.key(&input.queue)),
        tag_keys: input.keys,
    };
    match context.catalog(CatalogOp::UntagQueue(command)).await? {
        CatalogAnswer::Done(_) | CatalogAnswer::Queue(_) => Ok(Done {}),
        CatalogAnswer::Refused(_) => Err(errors::queue_does_not_exist()),
    }
}
