//! ListDeadLetterSourceQueues.

use api::sqs::list_dead_letter_source_queues::{Input, Output};
use api::sqs::queue_url::queue_url;

use super::{Context, Result};

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    let call = context.call;
    let page = input.page(&call.caller.region)?;
    context.queue_now(&input.queue).await?;
    let (target, owner) = (context.key(&input.queue), &input.queue.account);
    Ok(context.frontend.catalog.read(|catalog| {
        let sources = catalog.dead_letter_sources(&target, page.after());
        Output::new(&page, sources, |name| queue_url(&call.host, owner, name))
    }))
}
