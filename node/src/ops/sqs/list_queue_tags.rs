//! ListQueueTags.

use api::sqs::list_queue_tags::{Input, Output};

use super::{Context, Result};

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue_now(&input.queue).await?;
    Ok(Output {
        tags: queue.record.tags.clone(),
    })
}
