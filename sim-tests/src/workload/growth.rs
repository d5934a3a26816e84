//! Long after the faults: many messages go through a queue, several times what the log may hold, and what a
//! node keeps must not have grown with them. Nodes say themselves how much that is, in their metrics.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};

use super::consume::{delete_batch, drain, received};
use super::{Context, Queue, Workload, now};
use crate::host::LIVE_SEGMENTS;
use crate::invariants::SETTLED_AFTER;

pub(super) const GROWTH: Workload = Workload {
    name: "growth",
    weight: 2,
    end_phase: Duration::from_secs(600),
    run: |context| Box::pin(run(context)),
};

const BATCH: u64 = 10;
const BODY_BYTES: u64 = 8_000;
/// So many times what the log's segments hold.
const TIMES: u64 = 3;
/// The log's size is looked at twice a second; a checkpoint has to be written before it gets smaller. Other clients of
/// this kind may not be done yet.
const CALM: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(5);
/// The segment that is written to, and one prepared.
const SEGMENTS_BEYOND: f64 = 2.0;
/// What other clients may have under way meanwhile.
const OTHERS: f64 = 64.0;

async fn run(context: Context) -> anyhow::Result<()> {
    let queue = Queue::create(&context, &context.name, &context.name, json!({})).await?;
    context.phase("waits for the cluster to settle");
    let settled = context.scenario.load_end + SETTLED_AFTER;
    tokio::time::sleep(settled.saturating_sub(now())).await;

    context.phase("sends more than logs may hold");
    let log_bytes = context.scenario.segment_bytes * LIVE_SEGMENTS as u64;
    for round in 0..TIMES * log_bytes / (BATCH * BODY_BYTES) {
        let entries: Vec<Value> = (0..BATCH)
            .map(|id| {
                let name = format!("{}-{round}-{id}", context.name);
                let body = format!("{name:-<width$}", width = BODY_BYTES as usize);
                json!({"Id": id.to_string(), "MessageBody": body})
            })
            .collect();
        queue.call("SendMessageBatch", json!({"Entries": entries})).await;
        let input = json!({"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
        let messages = received(&queue, input).await;
        delete_batch(&queue, &messages).await;
    }
    drain(&context, &queue).await;

    context.phase("looks at what nodes keep");
    let until = now() + CALM;
    while let Err(excess) = within_bounds(&context, log_bytes as f64).await {
        ensure!(now() < until, "{excess}");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Whether each node keeps no more than it may.
async fn within_bounds(context: &Context, log_bytes: f64) -> anyhow::Result<()> {
    let mut seen = 0;
    for node in 1..=context.scenario.nodes {
        // One whose disk was spoilt stays down.
        let Some(gauges) = context.client.gauges(node).await else {
            continue;
        };
        seen += 1;
        let bounds = [
            ("millrace_wal_segments", LIVE_SEGMENTS as f64 + SEGMENTS_BEYOND),
            ("millrace_wal_queued_bytes", log_bytes),
            ("millrace_polls_waiting", OTHERS),
            ("millrace_requests_in_flight", OTHERS),
            ("millrace_connections", OTHERS),
        ];
        for (name, bound) in bounds {
            let found = gauges.get(name).copied();
            ensure!(
                found.is_some_and(|found| found <= bound),
                "{name} of node {node} is {found:?}, and {bound} is what it may be"
            );
        }
    }
    ensure!(
        seen > context.scenario.nodes / 2,
        "only {seen} nodes say what they keep"
    );
    Ok(())
}
