//! Sends whose replies are lost again and again: the client waits a minute for each, as boto3 does,
//! and makes the same call again. It takes effect once, however late the last attempt comes.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::consume::drain;
use super::queue::pause;
use super::{Context, Queue, Workload};
use crate::client::Manner;
use crate::faults::upgrade;

pub(super) const LATE_RETRIES: Workload = Workload {
    name: "late_retries",
    weight: 2,
    end_phase: Duration::from_secs(300),
    run: |context| Box::pin(run(context)),
};

/// The client's own timeouts, as botocore's legacy mode has them.
const SLOW: Manner = Manner {
    attempts: 8,
    limit: Duration::from_secs(60),
    ..Manner::PATIENT
};
/// Replies of a call that are lost: four, so that the fifth attempt comes after four minutes.
const LOST_MAX: u64 = 4;
/// As long as there are nodes from before levels, calls are remembered for two minutes.
const LOST_MAX_BEFORE: u64 = 1;

async fn run(context: Context) -> anyhow::Result<()> {
    let context = &context;
    let name = &context.name;
    let attributes = json!({"VisibilityTimeout": 20});
    let queue = Queue::create(context, name, name, attributes).await?;
    let mut rng = context.rng.child("late retries");
    let lost_max = match upgrade::old_nodes(&context.scenario).is_empty() {
        true => LOST_MAX,
        false => LOST_MAX_BEFORE,
    };
    let mut calls = Vec::new();
    while context.loading() {
        let number = calls.len();
        calls.push(send(queue.clone(), number, rng.range(1..lost_max + 1)));
        if calls.len() == CALLS_AT_ONCE {
            break;
        }
        pause(&mut rng, 10).await;
    }
    join_all(calls).await;
    drain(context, &queue).await;
    Ok(())
}

/// Calls that are under way together.
const CALLS_AT_ONCE: usize = 20;

async fn send(queue: Queue, number: usize, lost: u64) {
    let manner = Manner {
        lost: lost as usize,
        ..SLOW
    };
    let input = json!({"MessageBody": format!("{}-{number}", queue.label)});
    queue.call_so(manner, "SendMessage", input).await;
}
