//! A producer: sends messages, alone and in batches, until no new work is wanted.

use serde_json::{Value, json};

use super::queue::{Queue, pause};
use super::{Context, now};
use crate::rng::Rng;

/// What a producer does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Producing {
    /// FIFO: from how many groups; 0 for a standard queue.
    pub(super) groups: usize,
    /// So many of a hundred calls are batches.
    pub(super) batch_percent: u64,
    /// So many of a hundred messages have a delay of their own.
    pub(super) delay_percent: u64,
    /// Pause between two calls, at most.
    pub(super) pause_ms: u64,
}

/// Sends until no new work is wanted. `name` is unique in the run, and groups are the producer's own, so
/// that the order of its calls is theirs.
pub(super) async fn produce(
    queue: Queue,
    name: String,
    mut rng: Rng,
    load_end: std::time::Duration,
    what: Producing,
) {
    let mut number = 0;
    while now() < load_end {
        let mut message = |rng: &mut Rng| {
            number += 1;
            message(&name, number, rng, &what)
        };
        if rng.percent(what.batch_percent) {
            let size = rng.range(1..11);
            let entries: Vec<Value> = (0..size)
                .map(|id| {
                    let mut entry = message(&mut rng);
                    entry["Id"] = id.to_string().into();
                    entry
                })
                .collect();
            queue.call("SendMessageBatch", json!({"Entries": entries})).await;
        } else {
            let input = message(&mut rng);
            queue.call("SendMessage", input).await;
        }
        pause(&mut rng, what.pause_ms).await;
    }
}

fn message(name: &str, number: u64, rng: &mut Rng, what: &Producing) -> Value {
    let body = format!("{name}-{number}");
    if what.groups > 0 {
        let group = format!("{name}-g{}", rng.below(what.groups));
        return json!({"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body});
    }
    let mut message = json!({"MessageBody": body});
    if rng.percent(what.delay_percent) {
        message["DelaySeconds"] = rng.range(0..6).into();
    }
    message
}

impl Producing {
    /// Draws what a producer does.
    pub(super) fn draw(rng: &mut Rng, fifo: bool) -> Producing {
        Producing {
            groups: if fifo { 1 + rng.below(4) } else { 0 },
            batch_percent: *rng.pick(&[0, 20, 70]),
            delay_percent: *rng.pick(&[0, 0, 20]),
            pause_ms: *rng.pick(&[50, 200, 1_000]),
        }
    }
}

/// The producers of a context, as futures.
pub(super) fn producers(context: &Context, queue: &Queue, fifo: bool) -> Vec<super::Run> {
    let count = 1 + context.rng.child("producers").below(2);
    (0..count)
        .map(|number| {
            let mut rng = context.rng.child(&format!("producer {number}"));
            let what = Producing::draw(&mut rng, fifo);
            let name = format!("{}-p{number}", queue.label);
            let (queue, load_end) = (queue.clone(), context.scenario.load_end);
            let run: super::Run = Box::pin(async move {
                produce(queue, name, rng, load_end, what).await;
                Ok(())
            });
            run
        })
        .collect()
}
