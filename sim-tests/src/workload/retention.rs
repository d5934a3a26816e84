//! A queue that keeps messages for a minute only. In some runs what is left is received at once, in the
//! others after the minute, when nothing must be there.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::produce::producers;
use super::{Context, Queue, Workload};

pub(super) const RETENTION: Workload = Workload {
    name: "retention",
    weight: 2,
    end_phase: Duration::from_secs(120),
    run: |context| Box::pin(run(context)),
};

/// SQS's shortest.
const RETENTION_S: u64 = 60;

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(40);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let mut attributes = json!({
        "VisibilityTimeout": rng.range(2..20), "MessageRetentionPeriod": RETENTION_S,
    });
    if fifo {
        attributes["FifoQueue"] = "true".into();
    }
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, fifo);
    if rng.percent(50) {
        work.extend(consumers(&context, &queue));
    }
    futures::future::try_join_all(work).await?;
    if rng.percent(50) {
        context.phase("waits until everything has run out");
        let slack = context.scenario.clock_slack();
        tokio::time::sleep(Duration::from_secs(RETENTION_S + 2) + slack).await;
    }
    drain(&context, &queue).await;
    Ok(())
}
