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
        partitions: if queue.name.is_fifo() {
            1
        } else {
            context.frontend.partitions
        },
        replicas: context.frontend.replicas,
    };
    match context.catalog(CatalogOp::CreateQueue(command)).await? {
        CatalogAnswer::Queue(record) => {
            // Answers a little later, when the queue has leaders, instead of letting its first messages wait.
            for group in record.partitions {
                context.frontend.router.wait_for_leader(GroupId(group)).await;
            }
            Ok(Output {
                queue_url: queue.url(&context.call.host),
            })
        }
        other => Err(misfit(&other)),
    }
}
