//! New partitions live on nodes that answer.

use std::time::Duration;

use aws_sdk_sqs::Client;
use futures::StreamExt;
use serde_json::Value;

use crate::growth::saturate;
use crate::harness::{Cluster, client_within, poll};

/// How long an attempt, and a call with all its attempts, may take. A partition without a majority never answers.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// How long the groups of dead nodes may take to be placed elsewhere.
const REPLACED_LIMIT: Duration = Duration::from_secs(120);
/// Queues that are made after the deaths, and how many at a time.
const NEW: usize = 20;
const AT_ONCE: usize = 10;

/// Two of five nodes are dead and replaced: they hold nothing, and so they look like the best places for whatever is new.
#[tokio::test(flavor = "multi_thread")]
async fn new_queues_and_partitions_go_to_nodes_that_answer() {
    let flags = [
        "--replace-after-seconds",
        "3",
        "--grow-after-seconds",
        "1",
        "--grow-at-percent",
        "5",
        "--partitions-max",
        "2",
    ];
    let mut cluster = Cluster::start_with(5, &flags);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    for n in 0..5 {
        send(&client, &format!("before-{n}")).await.unwrap();
    }
    // One after the other: a group that loses two of its three replicas at once has lost its majority.
    for dead in [4, 5] {
        cluster.kill(dead - 1);
        await_replaced(&cluster, dead as u64);
    }

    let created = client.create_queue().queue_name("growing").send().await.unwrap();
    saturate(
        &cluster,
        &client,
        created.queue_url.as_deref().unwrap(),
        "growing",
        2,
    )
    .await;
    let sent = futures::stream::iter(0..NEW).map(|n| {
        let client = &client;
        async move { send(client, &format!("after-{n}")).await }
    });
    let sent: Vec<Result<(), String>> = sent.buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<&String> = sent.iter().filter_map(|sent| sent.as_ref().err()).collect();
    assert!(
        failed.is_empty(),
        "{} of {NEW} new queues take no message: {}",
        failed.len(),
        failed[0]
    );

    let status = cluster.operate(0, &["status"]).unwrap();
    let mut groups = status["groups"].as_array().into_iter().flatten();
    let dead = |node: &Value| node == 4 || node == 5;
    let misplaced = groups.find(|group| group["replicas"].as_array().into_iter().flatten().any(dead));
    assert_eq!(misplaced.filter(|group| group["kind"] == "queue"), None);
}

/// Creates a queue and sends it one message.
async fn send(client: &Client, name: &str) -> Result<(), String> {
    let created = client.create_queue().queue_name(name).send().await;
    let created = created.map_err(|e| format!("{name} is not created: {e:?}"))?;
    let send = client.send_message().set_queue_url(created.queue_url);
    let sent = send.message_body("here").send().await;
    sent.map(drop).map_err(|e| format!("{name}: {e:?}"))
}

/// Waits until nothing is placed on a node any more.
fn await_replaced(cluster: &Cluster, dead: u64) {
    poll::until(
        REPLACED_LIMIT,
        "a dead node's replicas to be placed elsewhere",
        || {
            let status = cluster.operate(0, &["status"]).ok()?;
            let mut nodes = status["nodes"].as_array().into_iter().flatten();
            let is_left = |node: &Value| node["id"] == dead && node["placed"] != 0;
            (!nodes.any(is_left)).then_some(())
        },
    )
    .unwrap_or_else(|reason| {
        panic!(
            "{reason}: {:#}",
            cluster.operate(0, &["status"]).unwrap_or_default()
        )
    });
}
