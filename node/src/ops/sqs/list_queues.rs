//! ListQueues.

use api::error;
use api::sqs::list_queues::{Input, Output};
use api::sqs::queue_url::queue_url;

use super::{Context, Result};

pub(super) async fn list(context: &Context<'_>, input: Input) -> Result<Output> {
    let frontend = context.frontend;
    // Whoever has just created a queue through another node wants to see it here.
    frontend
        .catalog
        .catch_up(frontend.limits.patience)
        .await
        .map_err(|_| error::service_unavailable())?;
    let (caller, host) = (&context.call.caller, &context.call.host);
    Ok(frontend.catalog.read(|catalog| {
        let queues = catalog.queues(
            caller.account.as_str(),
            caller.region.as_str(),
            &input.prefix,
            input.after.as_deref(),
        );
        let names = queues.filter_map(|queue| Some(queue.key.as_ref()?.name.as_str()));
        input.page(names, |name| queue_url(host, &caller.account, name))
    }))
}
