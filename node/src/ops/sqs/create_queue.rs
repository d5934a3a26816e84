//! CreateQueue.

use api::sqs::attributes::QueueSettings;
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
    let partitions = partitions(context, &QueueSettings::of(&input.attributes.complete));
    let command = CreateQueue {
        key: Some(context.key(&queue)),
        given: input.attributes.given,
        complete: input.attributes.complete,
        tags: input.tags,
        partitions,
        replicas: context.frontend.partitions.replicas,
        candidates: Vec::new(),
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

/// How many partitions a new queue has.
fn partitions(context: &Context<'_>, settings: &QueueSettings) -> u32 {
    let wanted = context.frontend.partitions;
    if !settings.fifo {
        return wanted.standard;
    }
    let has_many = settings.deduplicate_by_group && settings.throughput_by_group;
    let nodes = || context.frontend.catalog.read(|c| c.nodes().count() as u32);
    if has_many {
        wanted.fifo.unwrap_or_else(nodes)
    } else {
        1
    }
}
