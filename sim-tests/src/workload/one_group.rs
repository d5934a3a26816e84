//! A FIFO queue with a single message group, to which several producers send.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::queue::{fifo, pause};
use super::{Context, Queue, Workload, now};

pub(super) const ONE_GROUP: Workload = Workload {
    name: "one_group",
    weight: 2,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let name = format!("{}.fifo", context.name);
    let mut attributes = fifo(&context, "it");
    attributes["VisibilityTimeout"] = rng.range(1..6).into();
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = consumers(&context, &queue);
    for number in 0..2 + rng.below(2) {
        let queue = queue.clone();
        let (mut rng, load_end) = (
            rng.child(&format!("producer {number}")),
            context.scenario.load_end,
        );
        work.push(Box::pin(async move {
            let pause_ms = *rng.pick(&[200, 1_000, 3_000]);
            for message in 0.. {
                let body = format!("{}-p{number}-{message}", queue.label);
                let input = json!({
                    "MessageBody": body, "MessageGroupId": "only", "MessageDeduplicationId": body,
                });
                queue.call("SendMessage", input).await;
                pause(&mut rng, pause_ms).await;
                if now() >= load_end {
                    break;
                }
            }
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}
