//! SetQueueAttributes.

use api::error;
use api::sqs::Done;
use api::sqs::queue_url::QueueRef;
use api::sqs::set_queue_attributes::Input;
use bytes::Bytes;
use raft::command::catalog::{CatalogAnswer, CatalogOp, RefusalReason, SetQueueAttributes};
use raft::command::queue::QueueOp;

use super::{Context, Result, misfit, refusals};

/// How often changes are looked at again because somebody else has changed the queue meanwhile.
const ATTEMPTS_MAX: u8 = 8;

/// What may be changed depends on what the queue has already, which only this side of the catalog understands. So the catalog
/// is told what that was, and refuses if it is something else by now.
pub(super) async fn set(context: &Context<'_>, input: Input) -> Result<Done> {
    for attempt in 0..ATTEMPTS_MAX {
        let queue = context.queue_now(&input.queue).await?;
        let command = SetQueueAttributes {
            key: queue.record.key.clone(),
            changes: input.changes.clone().against(&queue.record.attributes)?,
            version: queue.record.version,
        };
        let op = CatalogOp::SetQueueAttributes(command);
        match context
            .catalog_once(of_attempt(&context.invocation, attempt), op)
            .await?
        {
            CatalogAnswer::Refused(refusal) if refusal.reason() == RefusalReason::QueueChanged => {}
            CatalogAnswer::Refused(refusal) => return Err(refusals::error(&refusal)),
            CatalogAnswer::Queue(_) => {
                tell(context, &input.queue).await;
                return Ok(Done {});
            }
            other => return Err(misfit(&other)),
        }
    }
    Err(error::service_unavailable())
}

/// Tells the queue's partition at once. It would hear of it with its next command, but what waits for a shorter delay has to wake
/// up before. If the partition cannot be told now, that is how it hears of it.
async fn tell(context: &Context<'_>, queue: &QueueRef) {
    let Ok(queue) = context.queue_now(queue).await else {
        return;
    };
    if queue.settings.fifo {
        let configure = QueueOp::Configure(queue.configure());
        let _ = context.partition(&queue, configure, None).await;
    }
}

/// Each attempt is another call to the catalog, and the same one when the client repeats its own.
fn of_attempt(invocation: &Bytes, attempt: u8) -> Bytes {
    let mut key = invocation.to_vec();
    key.iter_mut().take(1).for_each(|byte| *byte ^= attempt);
    key.into()
}
