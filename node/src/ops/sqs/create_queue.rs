//! CreateQueue.

use api::error::{self, ApiError};
use api::sqs::create_queue::{self, Input, Output};
use api::sqs::queue_url::queue_url;
use raft::command::catalog::{
    CatalogAnswer, CatalogOp, CatalogRefusal, CreateQueue, RefusalReason, ResourceKey,
};
use raft::types::GroupId;

use super::{Context, Result, unavailable};

pub(super) async fn create(context: &Context<'_>, input: Input) -> Result<Output> {
    let queue = input.validate()?;
    let key = ResourceKey {
        account: context.account.clone(),
        region: context.region.clone(),
        name: queue.name.clone(),
    };
    let command = CreateQueue {
        key: Some(key),
        given: queue.given,
        complete: queue.complete,
        tags: queue.tags,
        partitions: 1,
        replicas: context.frontend.replicas,
    };
    match context.catalog(CatalogOp::CreateQueue(command)).await? {
        CatalogAnswer::Queue(record) => {
            wait_for_leader(context, record.partitions.first().copied()).await;
            Ok(Output {
                queue_url: queue_url(context.host, &context.account, &queue.name),
            })
        }
        CatalogAnswer::Refused(refusal) => Err(refused(&refusal)),
        CatalogAnswer::Done(_) => Err(unavailable()),
    }
}

fn refused(refusal: &CatalogRefusal) -> ApiError {
    match refusal.reason() {
        RefusalReason::QueueDiffers => create_queue::differs(&refusal.subject),
        RefusalReason::QueueDeletedRecently => create_queue::deleted_recently(),
        RefusalReason::NoNodes => unavailable(),
        other => ApiError::new(&error::INTERNAL, format!("unexpected refusal {other:?}")),
    }
}

/// Answers a little later, when the queue has a leader, instead of letting its first message wait.
async fn wait_for_leader(context: &Context<'_>, partition: Option<u64>) {
    let Some(group) = partition.map(GroupId) else {
        return;
    };
    context.frontend.router.wait_for_leader(group).await;
}
