//! SendMessageBatch.

use api::sqs::batch::{Entry, Failed};
use api::sqs::message::SentBy;
use api::sqs::send_message_batch::{Input, Output, Sent};

use super::send_message::add;
use super::{Context, Result, message_id, sequence_number};

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
    let sent = add(context, &queue, messages).await?;
    for ((id, digests), sent) in taken.into_iter().zip(sent) {
        output.successful.push(Sent::new(
            id,
            digests,
            message_id(&sent.message_id)?,
            sequence_number(&queue, sent.sequence),
        ));
    }
    Ok(output)
}
