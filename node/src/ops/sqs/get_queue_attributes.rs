//! GetQueueAttributes. The numbers of messages come from the partitions' leaders.

use api::sqs::get_queue_attributes::{Computed, Input, Output};
use raft::peers::pb::CountsReply;

use super::{Context, Result, unavailable};

pub(super) async fn get(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = context.queue(input.queue()?).await?;
    input.check()?;
    let counts = if input.wants_counts() {
        context
            .frontend
            .router
            .counts(queue.group(), &queue.replicas)
            .await
            .ok_or_else(unavailable)?
    } else {
        CountsReply::default()
    };
    let record = &queue.record;
    let key = record.key.clone().unwrap_or_default();
    let computed = Computed {
        arn: format!("arn:aws:sqs:{}:{}:{}", key.region, key.account, key.name),
        created_s: record.created_ms / 1000,
        modified_s: record.modified_ms / 1000,
        visible: counts.visible,
        in_flight: counts.in_flight,
        delayed: counts.delayed,
    };
    Ok(input.answer(&record.attributes, &computed))
}
