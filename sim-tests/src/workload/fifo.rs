//! A FIFO queue with producers, each of which has message groups of its own, and consumers of all habits.

use std::time::Duration;

use super::consume::{consumers, drain};
use super::produce::producers;
use super::queue::fifo;
use super::{Context, Queue, Workload};

pub(super) const FIFO: Workload = Workload {
    name: "fifo",
    weight: 6,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let name = format!("{}.fifo", context.name);
    let mut attributes = fifo(&context, "it");
    attributes["VisibilityTimeout"] = rng.range(2..20).into();
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, true);
    work.extend(consumers(&context, &queue));
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}
