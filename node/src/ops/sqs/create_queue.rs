//! CreateQueue.

use api::sqs::create_queue::{Input, Output};
use api::sqs::queue_url::QueueRef;
use raft::command::catalog::{CatalogAnswer, CatalogOp, CreateQueue};
use raft::types::GroupId;

use super::{Context, Result, misfit};

pub(super) async fn create(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = QueueRef {
        account: context.call.caller.account.clone(),
        name: input.name,
    };
    let command = CreateQueue {
        key: Some(context.key(&queue)),
        given: input.attributes.given,
        complete: input.attributes.complete,
        tags: input.tags,
        partitions: 1,
        replicas: context.frontend.replicas,
    };
    match context.catalog(CatalogOp::CreateQueue(command)).await? {
        CatalogAnswer::Queue(record) => {
            wait_for_leader(context, record.partitions.first().copied()).await;
            Ok(Output {
                queue_url: queue.url(&context.call.host),
            })
        }
        other => Err(misfit(&other)),
    }
}

/// Answers a little later, when the queue has a leader, instead of letting its first message wait.
async fn wait_for_leader(context: &Context<'_>, partition: Option<u64>) {
    let Some(group) = partition.map(GroupId) else {
        return;
    };
    context.frontend.router.wait_for_leader(group).await;
}
