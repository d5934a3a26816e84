//! The steady load of one queue: so many sends a second, whether or not earlier ones have been answered, and
//! consumers who delete all that comes. Whoever waits for an answer before the next send measures a pause of the
//! cluster once; who does not, sees how long it was.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sim_tests::history::Outcome;
use sim_tests::now::now;
use sim_tests::workload::{Context, Queue};
use tokio::time::{MissedTickBehavior, interval};

use super::sdk::{DEFAULT, Sdk};
use crate::plan::Plan;
use crate::record::{Line, micros};

/// Sends under way at most; beyond them new ones are left out, and counted.
const UNDER_WAY_MAX: usize = 400;
const CONSUMERS: usize = 3;
/// After a receive that the SDK gave up.
const PAUSE: Duration = Duration::from_millis(200);
/// Message groups at a time.
const GROUPS: usize = 10;
/// After so many messages come other groups: to judge the history of a group takes longer the longer it is.
const GROUP_LIFE: usize = 200;
/// Longer than a receive with its deletes takes, so that messages come twice only after a fault.
const VISIBILITY_S: u64 = 15;

pub(super) async fn run(
    plan: Rc<Plan>,
    sdk: Arc<Sdk>,
    label: String,
    context: Context,
) -> anyhow::Result<()> {
    let fifo = label.ends_with(".fifo");
    let mut attributes = json!({"VisibilityTimeout": VISIBILITY_S});
    if fifo {
        attributes["FifoQueue"] = "true".into();
    }
    let queue = Queue::create(&context, &label, &label, attributes).await?;
    let load_end = Duration::from_millis(plan.load_ms);
    let consumers = (0..CONSUMERS).map(|_| consume(queue.clone(), load_end));
    let producer = produce(&plan, &sdk, &label, queue.clone(), fifo, load_end);
    futures::future::join(producer, futures::future::join_all(consumers)).await;
    drain(&context, &queue).await;
    Ok(())
}

async fn produce(plan: &Plan, sdk: &Sdk, label: &str, queue: Queue, fifo: bool, load_end: Duration) {
    let under_way = Rc::new(Cell::new(0));
    let mut pace = interval(Duration::from_micros(1_000_000 / plan.rate.max(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sends = Vec::new();
    for number in 0.. {
        pace.tick().await;
        if now() >= load_end {
            break;
        }
        if under_way.get() >= UNDER_WAY_MAX {
            let (at, queue) = (micros(now()), label.to_owned());
            sdk.record.add(&Line::Shed { at, queue });
            continue;
        }
        let body = format!("{label}-{number}");
        let mut message = json!({"MessageBody": body});
        if fifo {
            let group = format!("g{}-{}", number / GROUP_LIFE, number % GROUPS);
            message["MessageGroupId"] = group.into();
            message["MessageDeduplicationId"] = body.into();
        }
        under_way.set(under_way.get() + 1);
        let (queue, under_way) = (queue.clone(), under_way.clone());
        sends.push(tokio::task::spawn_local(async move {
            queue.call_so(DEFAULT, "SendMessage", message).await;
            under_way.set(under_way.get() - 1);
        }));
        sends.retain(|send| !send.is_finished());
    }
    // One that panicked has told so already.
    futures::future::join_all(sends).await;
}

async fn consume(queue: Queue, load_end: Duration) {
    while now() < load_end {
        receive(&queue, 2).await;
    }
}

/// Receives and deletes until nothing is left.
async fn drain(context: &Context, queue: &Queue) {
    context.phase("drains");
    loop {
        let nothing = receive(queue, 1).await == 0;
        if nothing && queue.is_empty().await == Some(true) {
            return;
        }
    }
}

/// How many messages there were.
async fn receive(queue: &Queue, wait_s: u64) -> usize {
    let input = json!({
        "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait_s, "MessageSystemAttributeNames": ["All"],
    });
    let outcome = queue.call_so(DEFAULT, "ReceiveMessage", input).await;
    let Outcome::Done(reply) = outcome else {
        tokio::time::sleep(PAUSE).await;
        return 0;
    };
    let messages = reply["Messages"].as_array().cloned().unwrap_or_default();
    if messages.is_empty() {
        return 0;
    }
    let entries = messages.iter().enumerate();
    let entries: Vec<Value> = entries
        .map(|(id, message)| json!({"Id": id.to_string(), "ReceiptHandle": message["ReceiptHandle"]}))
        .collect();
    queue
        .call_so(DEFAULT, "DeleteMessageBatch", json!({"Entries": entries}))
        .await;
    messages.len()
}
