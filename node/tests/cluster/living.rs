//! New partitions live on nodes that answer, and a dead node's groups are soon on others.

use std::time::{Duration, Instant};

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
const NEW: usize = 100;
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

/// Longer than a node without a catalog once went on, which was 40 s.
const AWAY: Duration = Duration::from_secs(50);

/// Three of five nodes are gone, and with them the catalog's majority. A queue that has two of its three replicas on the others
/// goes on, by way of both.
#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_while_the_catalog_is_away() {
    let mut cluster = Cluster::start(5);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    send(&client, "kept-on").await.unwrap();
    let url = client.get_queue_url().queue_name("kept-on").send().await.unwrap();
    let url = url.queue_url.unwrap();
    let status = cluster.operate(0, &["status"]).unwrap();
    let mut groups = status["groups"].as_array().into_iter().flatten();
    let group = groups.find(|group| {
        group["queue"]
            .as_str()
            .is_some_and(|name| name.ends_with("/kept-on"))
    });
    let replicas = group.unwrap()["replicas"].as_array().unwrap().iter();
    let replicas: Vec<usize> = replicas.map(|node| node.as_u64().unwrap() as usize - 1).collect();
    let clients = [0, 1].map(|n| client_within(&cluster.endpoint(replicas[n]), ATTEMPT_LIMIT, CALL_LIMIT));
    // Below it, a node without the catalog serves no queue.
    cluster.await_level(0);
    // Who knows of a later queue knows that the level has risen.
    send(&client, "later").await.unwrap();
    for client in &clients {
        client.get_queue_url().queue_name("later").send().await.unwrap();
    }
    for node in (0..5).filter(|node| !replicas[..2].contains(node)) {
        cluster.kill(node);
    }
    let began = Instant::now();
    let mut turns = 0..;
    while began.elapsed() < AWAY {
        let turn: usize = turns.next().unwrap();
        let client = &clients[turn % 2];
        let body = format!("{turn}");
        let sent = client
            .send_message()
            .queue_url(&url)
            .message_body(&body)
            .send()
            .await;
        assert!(sent.is_ok(), "after {:?}: {sent:?}", began.elapsed());
        let received = client.receive_message().queue_url(&url).send().await.unwrap();
        for message in received.messages.unwrap_or_default() {
            let delete = client.delete_message().queue_url(&url);
            let deleted = delete
                .receipt_handle(message.receipt_handle.unwrap())
                .send()
                .await;
            assert!(deleted.is_ok(), "after {:?}: {deleted:?}", began.elapsed());
        }
    }
    let create = clients[0].create_queue().queue_name("new").send().await;
    assert!(create.is_err(), "the catalog has no majority: {create:?}");
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
