//! SendMessageBatch.

use api::sqs::batch::{Entry, Failed};
use api::sqs::message::SentBy;
use api::sqs::send_message_batch::{Input, Output, Sent};

use super::{Context, Result, put};

pub(super) async fn send(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(&input.queue).await?;
    input.check(&queue.settings)?;
    let mut output = Output::default();
    let (mut taken, mut messages) = (Vec::new(), Vec::new());
    for Entry { id, content } in input.entries {
        match content.and_then(|message| message.prepare(&queue.settings, SentBy::Batch)) {
            Ok(message) => {
                taken.push((id, message.digests));
                messages.push(message);
            }
            Err(error) => output.failed.push(Failed::new(id, &error)),
        }
    }
    if messages.is_empty() {
        return Ok(output);
    }
    let added = put::put(context, &input.queue, &queue, messages).await?;
    for ((id, digests), added) in taken.into_iter().zip(added) {
        match added {
            Ok(added) => output
                .successful
                .push(Sent::new(id, digests, added.id, added.sequence)),
            Err(error) => output.failed.push(Failed::new(id, &error)),
        }
    }
    Ok(output)
}
