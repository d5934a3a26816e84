//! A standard queue with loud tenants, who send more than the consumers work off, and with quiet ones, each of
//! whom sends one message in its life.

use std::time::Duration;

use serde_json::{Value, json};

use super::consume::{delete_batch, drain, received};
use super::queue::pause;
use super::{Context, Queue, Workload, now};
use crate::rng::Rng;

pub(super) const TENANTS: Workload = Workload {
    name: "tenants",
    weight: 3,
    end_phase: Duration::from_secs(60),
    run: |context| Box::pin(run(context)),
};

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let attributes = json!({"VisibilityTimeout": rng.range(3..20)});
    let queue = Queue::create(&context, &context.name, &context.name, attributes).await?;
    let load_end = context.scenario.load_end;
    let mut work: Vec<super::Run> = Vec::new();
    for number in 0..1 + rng.below(2) {
        let (queue, rng) = (queue.clone(), rng.child(&format!("loud {number}")));
        work.push(Box::pin(async move {
            be_loud(&queue, rng, number, load_end).await;
            Ok(())
        }));
    }
    let (other, quiet) = (queue.clone(), rng.child("quiet"));
    work.push(Box::pin(async move {
        be_quiet(&other, quiet, load_end).await;
        Ok(())
    }));
    for number in 0..1 + rng.below(3) {
        let (queue, rng) = (queue.clone(), rng.child(&format!("consumer {number}")));
        work.push(Box::pin(async move {
            consume(&queue, rng, load_end).await;
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}

async fn be_loud(queue: &Queue, mut rng: Rng, tenant: usize, load_end: Duration) {
    for call in 0.. {
        if now() >= load_end {
            return;
        }
        let entries: Vec<Value> = (0..10)
            .map(|id| {
                json!({
                    "Id": id.to_string(),
                    "MessageBody": format!("{}-loud{tenant}-{call}-{id}", queue.label),
                    "MessageGroupId": format!("loud{tenant}"),
                })
            })
            .collect();
        queue.call("SendMessageBatch", json!({"Entries": entries})).await;
        pause(&mut rng, 1_500).await;
    }
}

async fn be_quiet(queue: &Queue, mut rng: Rng, load_end: Duration) {
    for number in 0.. {
        pause(&mut rng, 2_000).await;
        if now() >= load_end {
            return;
        }
        let body = format!("{}-quiet-{number}", queue.label);
        let mut message = json!({"MessageBody": body});
        if rng.percent(80) {
            message["MessageGroupId"] = body.into();
        }
        queue.call("SendMessage", message).await;
    }
}

async fn consume(queue: &Queue, mut rng: Rng, load_end: Duration) {
    let (max, work_ms) = (*rng.pick(&[1, 3, 10]), *rng.pick(&[50, 500, 2_000]));
    while now() < load_end {
        let input = json!({
            "MaxNumberOfMessages": max,
            "WaitTimeSeconds": 1,
            "MessageSystemAttributeNames": ["All"],
        });
        let messages = received(queue, input).await;
        pause(&mut rng, work_ms).await;
        if rng.percent(95) {
            delete_batch(queue, &messages).await;
        }
    }
}
