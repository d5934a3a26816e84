//! Where moved messages go.

use prost::Message;
use raft::command::catalog::ResourceKey;
use raft::command::move_tasks::MoveTask;
use raft::command::queue::{Attributes, Delivered, Moved};
use raft::machine::catalog::arn;

use crate::catalog::CatalogView;

/// Why a task fails if a message was sent to the queue by a client, so that it has no queue to go back to. SQS calls it so.
const NO_SOURCE: &str = "CouldNotDetermineMessageSource";
/// Why it fails if the queue that a message should go to is no more.
const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";

/// The first messages of a run with their destinations, up to one that has none, and why that one has none.
pub(super) fn of(
    task: &MoveTask,
    messages: &[Delivered],
    catalog: &CatalogView,
) -> (Vec<Moved>, Option<&'static str>) {
    let mut moved = Vec::new();
    for message in messages {
        match of_message(task, message, catalog) {
            Ok(one) => moved.push(one),
            Err(reason) => return (moved, Some(reason)),
        }
    }
    (moved, None)
}

fn of_message(task: &MoveTask, message: &Delivered, catalog: &CatalogView) -> Result<Moved, &'static str> {
    let queue: ResourceKey = match &task.destination {
        Some(destination) => destination.clone(),
        None => source(message).ok_or(NO_SOURCE)?,
    };
    let target = catalog.queue_here(&queue).ok_or(NO_QUEUE)?;
    let sequence = message.receipt.unwrap_or_default().sequence;
    let partition = if target.settings.fifo {
        &target.partitions[target.share(&message.group)]
    } else {
        target.partition(sequence)
    };
    Ok(Moved {
        sequence,
        target: partition.group.0,
    })
}

/// The queue that a message left as a dead letter.
fn source(message: &Delivered) -> Option<ResourceKey> {
    let attributes = Attributes::decode(message.attributes.clone()).ok()?;
    arn::queue(&attributes.dead_letter_source)
}
