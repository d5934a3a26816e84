//! A consumer: receives, and deletes most of what it gets; the rest it gives back, keeps for longer, or
//! forgets. Once no new work is made it deletes everything, until nothing is left.

use std::time::Duration;

use serde_json::{Value, json};

use super::queue::{Queue, pause};
use super::{Context, now};
use crate::rng::Rng;

/// What a consumer does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consuming {
    /// So many of a hundred messages it forgets, so that they time out.
    pub(super) forget_percent: u64,
    /// So many of a hundred messages get another visibility timeout first.
    pub(super) change_percent: u64,
    /// So many of a hundred replies are deleted as a batch.
    pub(super) batch_percent: u64,
    /// How long its receives wait at most.
    pub(super) wait_s_max: u64,
    /// Its receives' own visibility timeout is up to so long; 0: the queue's.
    pub(super) visibility_s_max: u64,
    /// Pause between two receives, at most.
    pub(super) pause_ms: u64,
}

impl Consuming {
    /// Draws what a consumer does.
    pub(super) fn draw(rng: &mut Rng) -> Consuming {
        Consuming {
            forget_percent: *rng.pick(&[0, 5, 30]),
            change_percent: *rng.pick(&[0, 10, 40]),
            batch_percent: *rng.pick(&[0, 50, 100]),
            wait_s_max: *rng.pick(&[0, 2, 20]),
            visibility_s_max: *rng.pick(&[0, 0, 15]),
            pause_ms: *rng.pick(&[1, 100, 600]),
        }
    }
}

/// Receives as long as new work is made.
pub(super) async fn consume(queue: Queue, mut rng: Rng, load_end: Duration, what: Consuming) {
    while now() < load_end {
        let mut input = json!({
            "MaxNumberOfMessages": rng.range(1..11),
            "WaitTimeSeconds": rng.range(0..what.wait_s_max + 1),
            "MessageSystemAttributeNames": ["All"],
        });
        if what.visibility_s_max > 0 && rng.percent(50) {
            input["VisibilityTimeout"] = rng.range(1..what.visibility_s_max + 1).into();
        }
        let messages = received(&queue, input).await;
        handle(&queue, &messages, &mut rng, &what).await;
        pause(&mut rng, what.pause_ms).await;
    }
}

/// Receives and deletes until nothing is left.
pub(super) async fn drain(context: &Context, queue: &Queue) {
    context.phase(&format!("drains {}", queue.label));
    loop {
        let input = json!({
            "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "MessageSystemAttributeNames": ["All"],
        });
        let messages = received(queue, input).await;
        if messages.is_empty() && queue.is_empty().await == Some(true) {
            return;
        }
        delete_batch(queue, &messages).await;
    }
}

pub(super) async fn received(queue: &Queue, input: Value) -> Vec<Value> {
    let outcome = queue.call("ReceiveMessage", input).await;
    let messages = outcome
        .done()
        .and_then(|reply| reply["Messages"].as_array().cloned());
    messages.unwrap_or_default()
}

async fn handle(queue: &Queue, messages: &[Value], rng: &mut Rng, what: &Consuming) {
    let mut kept = Vec::new();
    for message in messages {
        if rng.percent(what.change_percent) {
            let input = json!({
                "ReceiptHandle": message["ReceiptHandle"],
                "VisibilityTimeout": *rng.pick(&[0, 0, 3, 20]),
            });
            queue.call("ChangeMessageVisibility", input).await;
        }
        if !rng.percent(what.forget_percent) {
            kept.push(message.clone());
        }
    }
    if rng.percent(what.batch_percent) {
        delete_batch(queue, &kept).await;
        return;
    }
    for message in &kept {
        let input = json!({"ReceiptHandle": message["ReceiptHandle"]});
        queue.call("DeleteMessage", input).await;
    }
}

pub(super) async fn delete_batch(queue: &Queue, messages: &[Value]) {
    if messages.is_empty() {
        return;
    }
    let entries = messages.iter().enumerate();
    let entries: Vec<Value> = entries
        .map(|(id, message)| json!({"Id": id.to_string(), "ReceiptHandle": message["ReceiptHandle"]}))
        .collect();
    queue
        .call("DeleteMessageBatch", json!({"Entries": entries}))
        .await;
}

/// The consumers of a context, as futures.
pub(super) fn consumers(context: &Context, queue: &Queue) -> Vec<super::Run> {
    let count = 1 + context.rng.child("consumers").below(3);
    (0..count)
        .map(|number| {
            let mut rng = context.rng.child(&format!("consumer {number}"));
            let what = Consuming::draw(&mut rng);
            let (queue, load_end) = (queue.clone(), context.scenario.load_end);
            let run: super::Run = Box::pin(async move {
                consume(queue, rng, load_end, what).await;
                Ok(())
            });
            run
        })
        .collect()
}
