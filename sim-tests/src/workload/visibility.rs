//! Consumers who change how long messages are invisible, alone and in batches: longer, shorter, to nothing,
//! and of messages whose time has run out.

use std::time::Duration;

use serde_json::{Value, json};

use super::consume::{delete_batch, drain, received};
use super::produce::producers;
use super::queue::{make_fifo, pause};
use super::{Context, Queue, Workload, now};
use crate::rng::Rng;

pub(super) const VISIBILITY: Workload = Workload {
    name: "visibility",
    weight: 2,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(50);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let mut attributes = json!({"VisibilityTimeout": rng.range(1..6)});
    if fifo {
        make_fifo(&context, &mut attributes);
    }
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, fifo);
    for number in 0..1 + rng.below(3) {
        let (queue, rng) = (queue.clone(), rng.child(&format!("consumer {number}")));
        let load_end = context.scenario.load_end;
        work.push(Box::pin(async move {
            consume(&queue, rng, load_end).await;
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}

async fn consume(queue: &Queue, mut rng: Rng, load_end: Duration) {
    let mut held: Vec<Value> = Vec::new();
    while now() < load_end {
        let input = json!({
            "MaxNumberOfMessages": rng.range(1..6),
            "WaitTimeSeconds": rng.range(0..3),
            "MessageSystemAttributeNames": ["All"],
        });
        held.extend(received(queue, input).await);
        for _ in 0..rng.below(3) {
            change(queue, &mut rng, &held).await;
            // Long enough for some to run out.
            pause(&mut rng, 2_500).await;
        }
        while held.len() > 6 || !held.is_empty() && rng.percent(50) {
            let message = held.remove(rng.below(held.len()));
            if rng.percent(70) {
                delete_batch(queue, &[message]).await;
            }
        }
    }
}

async fn change(queue: &Queue, rng: &mut Rng, held: &[Value]) {
    let timeout = |rng: &mut Rng| *rng.pick(&[0, 1, 3, 8, 20]);
    if held.is_empty() {
        return;
    }
    if rng.percent(50) {
        let handle = &held[rng.below(held.len())]["ReceiptHandle"];
        let input = json!({"ReceiptHandle": handle, "VisibilityTimeout": timeout(rng)});
        queue.call("ChangeMessageVisibility", input).await;
        return;
    }
    let some = held.iter().take(10).enumerate();
    let entries: Vec<Value> = some
        .map(|(id, message)| {
            json!({
                "Id": id.to_string(),
                "ReceiptHandle": message["ReceiptHandle"],
                "VisibilityTimeout": timeout(rng),
            })
        })
        .collect();
    let input = json!({"Entries": entries});
    queue.call("ChangeMessageVisibilityBatch", input).await;
}
