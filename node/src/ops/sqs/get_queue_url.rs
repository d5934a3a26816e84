//! GetQueueUrl.

use api::sqs::get_queue_url::{Input, Output};
use api::sqs::queue_url::QueueRef;

use super::{Context, Result};

pub(super) async fn get(context: &Context<'_>, input: Input) -> Result<Output> {
    let call = context.call;
    let queue = QueueRef {
        account: input.owner.unwrap_or_else(|| call.caller.account.clone()),
        name: input.name,
    };
    context.queue_now(&queue).await?;
    Ok(Output {
        queue_url: queue.url(&call.host),
    })
}
