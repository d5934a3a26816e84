//! A queue that is deleted, with messages in it, and created again under its old name, with other
//! attributes. Each life has a label of its own, which is in the bodies of its messages. Handles of one
//! life are tried in the next.

use std::time::Duration;

use serde_json::{Value, json};

use super::consume::{delete_batch, drain, received};
use super::produce::{Producing, produce};
use super::queue::pause;
use super::{Context, Queue, Workload, now};
use crate::history::Outcome;
use crate::rng::Rng;

pub(super) const NAME_REUSE: Workload = Workload {
    name: "name_reuse",
    weight: 2,
    end_phase: Duration::from_secs(500),
    run: |context| Box::pin(run(context)),
};

/// SQS keeps a name for so long after its queue was deleted.
const TAKEN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let fifo = rng.percent(40);
    let name = format!("{}{}", context.name, if fifo { ".fifo" } else { "" });
    let lives = 2 + rng.below(2);
    let mut handles = Vec::new();
    let mut deleted = None;
    for life in 0..lives {
        let label = format!("{}-life{life}", context.name);
        let mut attributes =
            json!({"VisibilityTimeout": 2 + rng.range(0..20), "MaximumMessageSize": 2_000 + life});
        if fifo {
            attributes["FifoQueue"] = "true".into();
        }
        context.phase(&format!("creates {label}"));
        let queue = create(&context, &name, &label, attributes).await?;
        let slack = context.scenario.clock_slack() + Duration::from_millis(2);
        if let Some(deleted) = deleted {
            let free = deleted + TAKEN;
            anyhow::ensure!(
                now() + slack >= free,
                "{name} could be used again before {free:?}"
            );
        }
        context.phase(&format!("works with {label}"));
        for handle in handles.drain(..) {
            try_old(&queue, &mut rng, handle).await;
        }
        let end = now() + Duration::from_millis(rng.range(3_000..12_000));
        let what = Producing::draw(&mut rng, fifo);
        let producer = produce(
            queue.clone(),
            format!("{label}-p"),
            rng.child(&format!("producer {life}")),
            end,
            what,
        );
        let consumer = consume(&queue, rng.child(&format!("consumer {life}")), end);
        let ((), kept) = futures::join!(producer, consumer);
        handles = kept;
        if life + 1 == lives {
            drain(&context, &queue).await;
            return Ok(());
        }
        context.phase(&format!("deletes {label}"));
        deleted = Some(now());
        delete(&queue).await;
    }
    Ok(())
}

/// Creates the queue as soon as its name is free.
async fn create(context: &Context, name: &str, label: &str, attributes: Value) -> anyhow::Result<Queue> {
    loop {
        match Queue::create(context, name, label, attributes.clone()).await {
            Err(error) if error.to_string().contains("QueueDeletedRecently") => {
                tokio::time::sleep(PAUSE).await;
            }
            created => return created,
        }
    }
}

async fn delete(queue: &Queue) {
    while let Outcome::Unknown(_) = queue.call("DeleteQueue", json!({})).await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Receives, deletes some, and gives back handles of the others.
async fn consume(queue: &Queue, mut rng: Rng, end: Duration) -> Vec<Value> {
    let mut kept = Vec::new();
    while now() < end {
        let input = json!({"MaxNumberOfMessages": 5, "MessageSystemAttributeNames": ["All"]});
        for message in received(queue, input).await {
            if rng.percent(50) {
                delete_batch(queue, &[message]).await;
            } else {
                kept.push(message["ReceiptHandle"].clone());
            }
        }
        pause(&mut rng, 500).await;
    }
    kept.truncate(4);
    kept
}

/// A handle of the former life must be good for nothing.
async fn try_old(queue: &Queue, rng: &mut Rng, handle: Value) {
    if rng.percent(50) {
        queue
            .call("DeleteMessage", json!({"ReceiptHandle": handle}))
            .await;
    } else {
        let input = json!({"ReceiptHandle": handle, "VisibilityTimeout": 0});
        queue.call("ChangeMessageVisibility", input).await;
    }
}
