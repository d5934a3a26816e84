//! SendMessage.

use api::sqs::message::SentBy;
use api::sqs::send_message::{Input, Output};

use super::{Context, Result, misfit, put};

pub(super) async fn send(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    let message = input.message.prepare(&queue.settings, SentBy::Single)?;
    let digests = message.digests;
    let mut added = put::put(context, &input.queue, &queue, vec![message]).await?;
    let added = added.pop().ok_or_else(|| misfit(&"no message"))??;
    Ok(Output::new(digests, added.id, added.sequence))
}
