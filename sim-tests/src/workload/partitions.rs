//! Standard queues that grow while producers send to them who do not wait long for a reply: many calls are made again, some of them
//! after the queue has other places for them than before, and first tries come late.

use std::time::Duration;

use serde_json::json;

use super::consume::{Consuming, consume, drain};
use super::queue::pause;
use super::{Context, Queue, Workload, now};
use crate::client::Manner;
use crate::rng::Rng;

pub(super) const PARTITIONS: Workload = Workload {
    name: "partitions",
    weight: 4,
    end_phase: Duration::from_secs(60),
    run: |context| Box::pin(run(context)),
};

/// A queue has all its partitions after so long, and another one takes its place.
const LIFE: Duration = Duration::from_secs(14);

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queues");
    let mut queues = Vec::new();
    while context.loading() {
        let label = format!("{}-{}", context.name, queues.len());
        let attributes = json!({"VisibilityTimeout": rng.range(2..20)});
        let queue = Queue::create(&context, &label, &label, attributes).await?;
        queues.push(queue.clone());
        let end = (now() + LIFE).min(context.scenario.load_end);
        let (draws, what) = (rng.child(&label), Consuming::draw(&mut rng));
        let consumer = consume(queue.clone(), draws, end, what);
        let producers = (0..3 + rng.below(4)).map(|number| {
            let rng = rng.child(&format!("{label} producer {number}"));
            produce(&queue, rng, number, end)
        });
        futures::future::join(futures::future::join_all(producers), consumer).await;
    }
    for queue in &queues {
        drain(&context, queue).await;
    }
    Ok(())
}

async fn produce(queue: &Queue, mut rng: Rng, producer: usize, end: Duration) {
    let name = format!("{}-p{producer}", queue.label);
    for call in 0.. {
        if now() >= end {
            return;
        }
        let manner = Manner {
            limit: Duration::from_millis(*rng.pick(&[30, 60, 150, 4_000])),
            pause_max_ms: *rng.pick(&[30, 300, 3_000]),
            ..Manner::PATIENT
        };
        if rng.percent(20) {
            let entries = (0..rng.range(1..5)).map(|id| {
                let body = format!("{name}-{call}-{id}");
                json!({"Id": id.to_string(), "MessageBody": body})
            });
            let entries: Vec<_> = entries.collect();
            let input = json!({"Entries": entries});
            queue.call_so(manner, "SendMessageBatch", input).await;
        } else {
            let input = json!({"MessageBody": format!("{name}-{call}")});
            queue.call_so(manner, "SendMessage", input).await;
        }
        pause(&mut rng, 100).await;
    }
}
