//! Consumers who wait as long as SQS lets them, for producers who seldom have something: during the faults,
//! and for a while after the cluster has settled, when waiting receives must end at once.

use std::time::Duration;

use serde_json::json;

use super::consume::{delete_batch, drain, received};
use super::queue::make_fifo;
use super::{Context, Queue, Run, Workload, now};
use crate::invariants::SETTLED_AFTER;
use crate::rng::Rng;

pub(super) const LONG_POLLS: Workload = Workload {
    name: "long_polls",
    weight: 2,
    end_phase: Duration::from_secs(150),
    run: |context| Box::pin(run(context)),
};

/// How long messages still come after the cluster has settled.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// SQS's longest wait.
const WAIT_S: u64 = 20;

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(40);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let mut attributes = json!({"VisibilityTimeout": 30, "ReceiveMessageWaitTimeSeconds": WAIT_S});
    if fifo {
        make_fifo(&context, &mut attributes);
    }
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let end = context.scenario.load_end + SETTLED_AFTER + AFTERWARDS;
    let mut work: Vec<Run> = Vec::new();
    for number in 0..1 + rng.below(2) {
        let (queue, rng) = (queue.clone(), rng.child(&format!("producer {number}")));
        work.push(Box::pin(async move {
            produce(&queue, rng, number, fifo, end).await;
            Ok(())
        }));
    }
    for _ in 0..1 + rng.below(4) {
        let queue = queue.clone();
        work.push(Box::pin(async move {
            while now() < end {
                let input = json!({
                    "MaxNumberOfMessages": 10,
                    "WaitTimeSeconds": WAIT_S,
                    "MessageSystemAttributeNames": ["All"],
                });
                let messages = received(&queue, input).await;
                delete_batch(&queue, &messages).await;
            }
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}

/// Each message is in a group of its own, so that none holds back another one.
async fn produce(queue: &Queue, mut rng: Rng, number: usize, fifo: bool, end: Duration) {
    let mut messages = 0;
    while now() < end {
        tokio::time::sleep(Duration::from_millis(rng.range(100..9_000))).await;
        messages += 1;
        let body = format!("{}-p{number}-{messages}", queue.label);
        let mut message = json!({"MessageBody": body});
        if fifo {
            message["MessageGroupId"] = body.clone().into();
            message["MessageDeduplicationId"] = body.into();
        }
        queue.call("SendMessage", message).await;
    }
}
