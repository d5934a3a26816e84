//! TagQueue.

use api::sqs::tag_queue::Input;
use api::sqs::tags::TAGS_MAX;
use api::sqs::{Done, errors};
use raft::command::catalog::{CatalogAnswer, CatalogOp, RefusalReason, TagQueue};

use super::{Context, Result};

pub(super) async fn tag(context: &Context<'_>, input: Input) -> Result<Done> {
    let command = TagQueue {
        key: Some(context.key(&input.queue)),
        tags: input.tags,
        tags_max: TAGS_MAX,
    };
    match context.catalog(CatalogOp::TagQueue(command)).await? {
        CatalogAnswer::Done(_) | CatalogAnswer::Queue(_) => Ok(Done {}),
        CatalogAnswer::Refused(refusal) => Err(match refusal.reason() {
            RefusalReason::TooManyTags => errors::too_many_tags(&refusal.subject),
            _ => errors::queue_does_not_exist(),
        }),
    }
}
