//! A queue that is purged now and then, and sometimes too soon after the last time.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::produce::producers;
use super::queue::make_fifo;
use super::{Context, Queue, Run, Workload, now};

pub(super) const PURGE: Workload = Workload {
    name: "purge",
    weight: 2,
    end_phase: Duration::from_secs(100),
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(40);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let mut attributes = json!({"VisibilityTimeout": rng.range(2..20)});
    if fifo {
        make_fifo(&context, &mut attributes);
    }
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, fifo);
    work.extend(consumers(&context, &queue));
    let purged = queue.clone();
    let load_end = context.scenario.load_end;
    let purges: Run = Box::pin(async move {
        // Two of them may be far enough apart once the load is over.
        while now() < load_end + Duration::from_secs(70) {
            tokio::time::sleep(Duration::from_millis(rng.range(1_000..35_000))).await;
            purged.call("PurgeQueue", json!({})).await;
        }
        Ok(())
    });
    work.push(purges);
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}
