//! Queues that are empty most of the time: a client sends a message, and once that is acknowledged asks one
//! node after the other for it. Who does not lead any more must not say that there is none.
//!
//! It waits for nobody long, so that it comes by many times while a leader does not know yet that it is none.

use std::time::Duration;

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::consume::drain;
use super::queue::pause;
use super::{Context, Queue, Workload};
use crate::client::Manner;

pub(super) const OWN_WRITES: Workload = Workload {
    name: "own_writes",
    weight: 5,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

/// A message takes 40 ms from host to host at most if no fault delays it.
const HASTY: Manner = Manner {
    attempts: 20,
    limit: Duration::from_millis(500),
    pause_max_ms: 200,
    ..Manner::PATIENT
};

/// Their groups have leaders on several nodes, so that whoever is cut off leads one of them.
const QUEUES: usize = 3;

async fn run(context: Context) -> anyhow::Result<()> {
    let context = &context;
    try_join_all((0..QUEUES).map(|n| work(context, n))).await?;
    Ok(())
}

async fn work(context: &Context, n: usize) -> anyhow::Result<()> {
    let name = format!("{}-{n}", context.name);
    let attributes = json!({"VisibilityTimeout": 20});
    let queue = Queue::create(context, &name, &name, attributes).await?;
    let mut rng = context.rng.child(&name);
    let mut nodes: Vec<u64> = (1..=context.scenario.nodes).collect();
    let mut number = 0;
    while context.loading() {
        number += 1;
        let input = json!({"MessageBody": format!("{name}-{number}")});
        queue.call_so(HASTY, "SendMessage", input).await;
        // Of what happens in one millisecond nobody knows what came first.
        pause(&mut rng, 2).await;
        rng.shuffle(&mut nodes);
        for node in &nodes {
            let messages = ask(&queue, *node).await;
            for message in &messages {
                let input = json!({"ReceiptHandle": message["ReceiptHandle"]});
                queue.call_so(HASTY, "DeleteMessage", input).await;
            }
            if !messages.is_empty() {
                break;
            }
        }
        pause(&mut rng, 200).await;
    }
    drain(context, &queue).await;
    Ok(())
}

/// What one node says is there, at once or never.
async fn ask(queue: &Queue, node: u64) -> Vec<Value> {
    let manner = Manner {
        node: Some(node),
        attempts: 1,
        ..HASTY
    };
    let input = json!({"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
    let received = queue.call_so(manner, "ReceiveMessage", input).await;
    let messages = received.done().and_then(|reply| reply["Messages"].as_array());
    messages.cloned().unwrap_or_default()
}
