//! GetQueueAttributes. The numbers of messages come from the partitions' leaders.

use api::error;
use api::sqs::get_queue_attributes::{Input, Output, QueueState};
use raft::peers::pb::CountsReply;

use super::{Context, Result};
use crate::catalog::Partition;

pub(super) async fn get(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue_now(&input.queue).await?;
    let mut counts = CountsReply::default();
    if input.wants_counts() {
        for Partition { group, replicas } in &queue.partitions {
            let counted = context.frontend.router.counts(*group, replicas).await;
            let counted = counted.ok_or_else(error::service_unavailable)?;
            counts.visible += counted.visible;
            counts.in_flight += counted.in_flight;
            counts.delayed += counted.delayed;
        }
    }
    let record = &queue.record;
    Ok(input.output(&QueueState {
        attributes: record.attributes.clone(),
        arn: input.queue.arn(&context.call.caller.region),
        visible: counts.visible,
        not_visible: counts.in_flight,
        delayed: counts.delayed,
        created_ms: record.created_ms,
        modified_ms: record.modified_ms,
    }))
}
