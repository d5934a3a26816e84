//! SetQueueAttributes.

use std::time::Duration;

use api::error;
use api::sqs::Done;
use api::sqs::queue_url::QueueRef;
use api::sqs::set_queue_attributes::Input;
use futures::future::join_all;
use raft::command::catalog::{CatalogAnswer, CatalogOp, RefusalReason, SetQueueAttributes};
use raft::command::queue::QueueOp;

use super::{Context, Result, misfit, refusals};

/// How often changes are looked at again because somebody else has changed the queue meanwhile.
const ATTEMPTS_MAX: usize = 8;
/// How long telling a partition may take.
const TELLING_MAX: Duration = Duration::from_secs(1);

/// What may be changed depends on what the queue has already, which only this side of the catalog understands. So the catalog
/// is told what that was, and refuses if it is something else by now.
pub(super) async fn set(context: &Context<'_>, input: Input) -> Result<Done> {
    for _ in 0..ATTEMPTS_MAX {
        let queue = context.queue_now(&input.queue).await?;
        let command = SetQueueAttributes {
            key: queue.record.key.clone(),
            changes: input
                .changes
                .clone()
                .against(&queue.record.attributes, queue.partitions.len())?,
            version: queue.record.version,
        };
        let op = CatalogOp::SetQueueAttributes(command);
        match context.catalog_answer(op).await? {
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

/// Tells the queue's partitions at once. They would hear of it with their next commands, but what waits for a shorter delay has to
/// wake up before, and messages that are to be kept longer must not be too old meanwhile. One that cannot be told now hears of it in
/// that way.
async fn tell(context: &Context<'_>, queue: &QueueRef) {
    let Ok(queue) = context.queue_now(queue).await else {
        return;
    };
    let tell = queue.partitions.iter().map(async |partition| {
        let configure = QueueOp::Configure(queue.configure());
        let told = context.partition(partition, configure, None);
        let _ = tokio::time::timeout(TELLING_MAX, told).await;
    });
    join_all(tell).await;
}
