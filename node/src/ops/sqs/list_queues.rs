//! ListQueues and GetQueueUrl.

use api::sqs::create_queue;
use api::sqs::list_queues::{Input, NamedQueue, Output, token};
use api::sqs::queue_url::queue_url;

use super::{Context, Result, unavailable};

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    let page = input.validate()?;
    let frontend = context.frontend;
    // Whoever has just created a queue through another node wants to see it here.
    frontend
        .catalog
        .catch_up(frontend.limits.patience)
        .await
        .map_err(|_| unavailable())?;
    let (names, more) = frontend.catalog.read(|catalog| {
        let queues = catalog.queues(
            &context.account,
            &context.region,
            &page.prefix,
            page.after.as_deref(),
        );
        let mut names: Vec<String> = queues
            .filter_map(|q| Some(q.key.as_ref()?.name.clone()))
            .take(page.max + 1)
            .collect();
        let more = names.len() > page.max;
        names.truncate(page.max);
        (names, more)
    });
    let next_token = names
        .last()
        .filter(|_| more && page.paged)
        .map(|last| token(last));
    let queue_urls = names
        .iter()
        .map(|name| queue_url(context.host, &context.account, name))
        .collect();
    Ok(Output {
        queue_urls,
        next_token,
    })
}

pub(super) async fn get_url(context: &Context<'_>, input: NamedQueue) -> Result<create_queue::Output> {
    let queue = context.queue(input.queue()?).await?;
    let key = queue.record.key.clone().unwrap_or_default();
    Ok(create_queue::Output {
        queue_url: queue_url(context.host, &key.account, &key.name),
    })
}
