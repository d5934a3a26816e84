//! A queue, standard or FIFO, whose delay changes while messages are sent, some of them with delays of
//! their own.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::produce::{Producing, produce};
use super::queue::make_fifo;
use super::{Context, Queue, Workload, now};

pub(super) const DELAYS: Workload = Workload {
    name: "delays",
    weight: 2,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(40);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let mut attributes = json!({"VisibilityTimeout": rng.range(2..20), "DelaySeconds": rng.range(1..8)});
    if fifo {
        make_fifo(&context, &mut attributes);
    }
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut what = Producing::draw(&mut rng, fifo);
    what.delay_percent = 40;
    what.pause_ms = what.pause_ms.max(200);
    let load_end = context.scenario.load_end;
    let producer = produce(
        queue.clone(),
        format!("{}-p", queue.label),
        rng.child("producer"),
        load_end,
        what,
    );
    let changes = async {
        while now() < load_end {
            tokio::time::sleep(Duration::from_millis(rng.range(2_000..15_000))).await;
            queue.set(json!({"DelaySeconds": rng.range(1..9)})).await;
        }
    };
    let consumers = futures::future::try_join_all(consumers(&context, &queue));
    let (_, _, consumed) = futures::join!(producer, changes, consumers);
    consumed?;
    drain(&context, &queue).await;
    Ok(())
}
