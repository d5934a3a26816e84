//! ListQueues.

use api::sqs::list_queues::{Input, Output};
use api::sqs::queue_url::queue_url;

use super::{Context, Result};

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    let (caller, host) = (&context.call.caller, &context.call.host);
    let page = input.page(caller)?;
    // Whoever has just created a queue through another node wants to see it here.
    context.catch_up().await?;
    Ok(context.frontend.catalog.read(|catalog| {
        let queues = catalog.queues(
            caller.account.as_str(),
            caller.region.as_str(),
            &input.prefix,
            page.after(),
        );
        let names = queues.filter_map(|queue| Some(queue.key.as_ref()?.name.as_str()));
        Output::new(&page, names, |name| queue_url(host, &caller.account, name))
    }))
}
