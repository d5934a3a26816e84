//! TagQueue.

use api::sqs::Done;
use api::sqs::tag_queue::Input;
use api::sqs::tags::TAGS_MAX;
use raft::command::catalog::{CatalogOp, TagQueue};

use super::{Context, Result};

pub(super) async fn tag(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = TagQueue {
        key: Some(context.key(&input.queue)),
        tags: input.tags,
        tags_max: TAGS_MAX,
    };
    context.catalog(CatalogOp::TagQueue(command)).await?;
    Ok(Done {})
}
