//! Consumers of a FIFO queue who do not wait long for a reply, and receive again under the same attempt id when
//! there was none, or when there was: until they know what they have, and have worked on it.

use std::time::Duration;

use serde_json::{Value, json};

use super::consume::{Consuming, consume, delete_batch, drain};
use super::produce::producers;
use super::queue::{fifo, pause};
use super::{Context, Queue, Workload, now};
use crate::client::Manner;
use crate::history::Outcome;
use crate::rng::Rng;

pub(super) const ATTEMPTS: Workload = Workload {
    name: "attempts",
    weight: 3,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

/// So often a receive is made under one id at most.
const TIMES_MAX: usize = 6;

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let name = format!("{}.fifo", context.name);
    // One timeout for all: a repetition that comes late must not cut short what another one has begun.
    let mut attributes = fifo(&context, "it");
    attributes["VisibilityTimeout"] = rng.range(2..8).into();
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let mut work = producers(&context, &queue, true);
    for number in 0..1 + rng.below(3) {
        let (queue, rng) = (queue.clone(), rng.child(&format!("consumer {number}")));
        let load_end = context.scenario.load_end;
        work.push(Box::pin(async move {
            attempts(&queue, rng, number, load_end).await;
            Ok(())
        }));
    }
    if rng.percent(50) {
        let mut other = rng.child("other consumer");
        let what = Consuming {
            visibility_s_max: 0,
            ..Consuming::draw(&mut other)
        };
        let (queue, load_end) = (queue.clone(), context.scenario.load_end);
        work.push(Box::pin(async move {
            consume(queue, other, load_end, what).await;
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    Ok(())
}

async fn attempts(queue: &Queue, mut rng: Rng, consumer: usize, load_end: Duration) {
    for number in 0.. {
        if now() >= load_end {
            return;
        }
        let id = format!("{}-c{consumer}-{number}", queue.label);
        let messages = attempt(queue, &mut rng, &id).await;
        if rng.percent(80) {
            delete_batch(queue, &messages).await;
            if rng.percent(20) {
                // What is done cannot be had again.
                receive(queue, &mut rng, &id).await;
            }
        }
        pause(&mut rng, 500).await;
    }
}

/// Receives under an id until that is done, and sometimes once more; the messages.
async fn attempt(queue: &Queue, rng: &mut Rng, id: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..TIMES_MAX {
        match receive(queue, rng, id).await {
            Outcome::Done(reply) => {
                messages = reply["Messages"].as_array().cloned().unwrap_or_default();
                if messages.is_empty() || rng.percent(60) {
                    break;
                }
            }
            Outcome::Refused(_) => break,
            Outcome::Unknown(_) => {}
        }
        // Sometimes for longer than the timeout.
        let pause_ms = *rng.pick(&[100, 100, 1_000, 6_000]);
        pause(rng, pause_ms).await;
    }
    messages
}

async fn receive(queue: &Queue, rng: &mut Rng, id: &str) -> Outcome {
    let manner = Manner {
        attempts: 1,
        limit: Duration::from_millis(*rng.pick(&[50, 100, 200, 4_000])),
        ..Manner::PATIENT
    };
    let input = json!({
        "MaxNumberOfMessages": rng.range(1..6),
        "WaitTimeSeconds": *rng.pick(&[0, 0, 1]),
        "ReceiveRequestAttemptId": id,
        "MessageSystemAttributeNames": ["All"],
    });
    queue.call_so(manner, "ReceiveMessage", input).await
}
