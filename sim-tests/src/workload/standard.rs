//! A standard queue with producers and consumers of all habits.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::produce::producers;
use super::{Context, Queue, Workload};

pub(super) const STANDARD: Workload = Workload {
    name: "standard",
    weight: 6,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let attributes = json!({
        "VisibilityTimeout": rng.range(2..20),
        "DelaySeconds": *rng.pick(&[0, 0, 3]),
    });
    let queue = Queue::create(&context, &context.name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, false);
    work.extend(consumers(&context, &queue));
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}
