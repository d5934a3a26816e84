//! Queues that do not live long: each gets some messages, gives back some of them, and is deleted with the
//! rest. What a later queue gives out must be its own.

use std::time::Duration;

use serde_json::json;

use super::queue::pause;
use super::{Context, Queue, Workload};

pub(super) const SHORT_LIVED: Workload = Workload {
    name: "short_lived",
    weight: 1,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(mut context: Context) -> anyhow::Result<()> {
    let mut life = 0;
    while context.loading() {
        life += 1;
        let label = format!("{}-{life}", context.name);
        let attributes = json!({"VisibilityTimeout": 5});
        let queue = Queue::create(&context, &label, &label, attributes).await?;
        for number in 0..context.rng.range(1..6) {
            let input = json!({"MessageBody": format!("{label}-{number}")});
            queue.call("SendMessage", input).await;
        }
        for _ in 0..context.rng.range(0..4) {
            let input = json!({"MaxNumberOfMessages": 2, "MessageSystemAttributeNames": ["All"]});
            queue.call("ReceiveMessage", input).await;
        }
        queue.call("DeleteQueue", json!({})).await;
        pause(&mut context.rng, 1_000).await;
    }
    Ok(())
}
