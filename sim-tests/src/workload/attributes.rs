//! Several clients who set and get two attributes of one queue. No value is ever set twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::queue::pause;
use super::{Context, Queue, Run, Workload, now};

pub(super) const ATTRIBUTES: Workload = Workload {
    name: "attributes",
    weight: 2,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

const NAMES: [&str; 2] = ["MaximumMessageSize", "VisibilityTimeout"];
/// Both attributes may be that.
const FIRST: u64 = 2_000;

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let first = json!({NAMES[0]: FIRST, NAMES[1]: FIRST});
    let queue = Queue::create(&context, &context.name, &context.name, first).await?;
    let next = Arc::new(AtomicU64::new(FIRST + 1));
    let load_end = context.scenario.load_end;
    let mut work: Vec<Run> = Vec::new();
    for number in 0..2 + rng.below(3) {
        let (queue, next) = (queue.clone(), next.clone());
        let mut rng = rng.child(&format!("client {number}"));
        work.push(Box::pin(async move {
            let (set_percent, pause_ms) = (*rng.pick(&[20, 50]), *rng.pick(&[50, 300, 1_000]));
            while now() < load_end {
                if rng.percent(set_percent) {
                    let value = next.fetch_add(1, Ordering::Relaxed);
                    queue.set(json!({*rng.pick(&NAMES): value})).await;
                } else {
                    let names = json!({"AttributeNames": NAMES});
                    queue.call("GetQueueAttributes", names).await;
                }
                pause(&mut rng, pause_ms).await;
            }
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    Ok(())
}
