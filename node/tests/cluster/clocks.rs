//! Clocks that are off by more than a year, on nodes that lead. Nothing may expire by that, and
//! nothing may stand still.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;

use crate::harness::{Balancer, Cluster, client_within, poll};

const DAY_MS: i64 = 86_400_000;
/// As many times as SQS keeps messages by default.
const FAR_MS: i64 = 400 * DAY_MS;
const LIMIT: Duration = Duration::from_secs(60);
const QUEUE: &str = "kept";

/// A cluster whose clocks the test sets, all right at first.
fn start(size: usize) -> Cluster {
    let mut cluster = Cluster::describe_only(size);
    (0..size).for_each(|i| cluster.shift_clock(i, 0));
    cluster.restart(&(0..size).collect::<Vec<_>>());
    cluster
}

async fn reach(cluster: &Cluster) -> (Client, Balancer) {
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let client = client_within(
        balancer.endpoint(),
        Duration::from_secs(10),
        Duration::from_secs(60),
    );
    (client, balancer)
}

async fn send(client: &Client, url: &str, sent: &mut BTreeMap<String, String>, count: usize) {
    for _ in 0..count {
        let body = format!("message {}", sent.len());
        let call = client.send_message().queue_url(url).message_body(&body);
        let id = call.send().await.unwrap().message_id.unwrap();
        sent.insert(body, id);
    }
}

/// Receives and deletes until all that were sent have come. A message that is lost makes this wait
/// in vain.
async fn receive_all(client: &Client, url: &str, sent: &BTreeMap<String, String>) {
    let mut came = BTreeMap::new();
    while came.len() < sent.len() {
        let call = client.receive_message().queue_url(url);
        let call = call.max_number_of_messages(10).wait_time_seconds(10);
        let messages = call.send().await.unwrap().messages.unwrap_or_default();
        assert!(!messages.is_empty(), "{} of {} came", came.len(), sent.len());
        for message in messages {
            let call = client.delete_message().queue_url(url);
            let call = call.set_receipt_handle(message.receipt_handle);
            call.send().await.unwrap();
            came.insert(message.body.unwrap(), message.message_id.unwrap());
        }
    }
    assert_eq!(&came, sent);
}

/// Has a node lead the queue.
fn lead(cluster: &mut Cluster, node: usize) {
    let status = cluster.status(node);
    let groups = status["groups"].as_array().unwrap();
    let ours = |group: &&serde_json::Value| group["queue"].as_str().is_some_and(|q| q.ends_with(QUEUE));
    let group = groups.iter().find(ours).unwrap()["id"].to_string();
    let number = (node + 1).to_string();
    poll::until(LIMIT, "the node to lead", || {
        // While leadership is on its way, another move may have to be waited for.
        let _ = cluster.operate(node, &["transfer", &group, &number]);
        (cluster.leader_of(QUEUE) == node).then_some(())
    })
    .unwrap();
}

/// Waits until node `i` says that its clock is so far off, give or take a minute.
fn await_offset(cluster: &Cluster, i: usize, offset_ms: i64) {
    poll::until(LIMIT, "the offset to be told", || {
        let status = cluster.status(i);
        let nodes = status["nodes"].as_array()?;
        let told = nodes.iter().find(|node| node["id"] == i + 1)?["clock_offset_ms"].as_i64()?;
        ((told - offset_ms).abs() < 60_000).then_some(())
    })
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_is_off_by_more_than_a_year_expires_nothing() {
    let mut cluster = start(3);
    let (client, _balancer) = reach(&cluster).await;
    let call = client.create_queue().queue_name(QUEUE);
    let url = call.send().await.unwrap().queue_url.unwrap();
    let mut sent = BTreeMap::new();
    for (node, offset) in [(0, FAR_MS), (1, -FAR_MS), (2, FAR_MS)] {
        cluster.shift_clock(node, offset);
        lead(&mut cluster, node);
        send(&client, &url, &mut sent, 10).await;
        await_offset(&cluster, node, offset);
        // The jump comes while it leads, too.
        cluster.shift_clock(node, -offset);
        send(&client, &url, &mut sent, 10).await;
        cluster.shift_clock(node, 0);
        await_offset(&cluster, node, 0);
    }
    // A visibility timeout still ends under a leader whose clock is behind.
    cluster.shift_clock(0, -FAR_MS);
    lead(&mut cluster, 0);
    let call = client.receive_message().queue_url(&url);
    let call = call.max_number_of_messages(10).visibility_timeout(2);
    assert!(!call.send().await.unwrap().messages.unwrap_or_default().is_empty());
    receive_all(&client, &url, &sent).await;
    poll::until(LIMIT, "the log to say so", || {
        cluster.log(0).contains("clock is off").then_some(())
    })
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_with_a_wrong_clock_expire_nothing() {
    let mut cluster = start(3);
    let (client, _balancer) = reach(&cluster).await;
    let call = client.create_queue().queue_name(QUEUE);
    let url = call.send().await.unwrap().queue_url.unwrap();
    let mut sent = BTreeMap::new();
    send(&client, &url, &mut sent, 20).await;
    for offset in [FAR_MS, -FAR_MS] {
        // All of them start at once, and the one that is wrong leads.
        cluster.shift_clock(0, offset);
        (0..3).for_each(|i| cluster.terminate(i));
        cluster.restart(&[0, 1, 2]);
        lead(&mut cluster, 0);
        send(&client, &url, &mut sent, 10).await;
        // Only that one starts, beside one other: the two cannot tell who is right, and nothing is
        // written.
        (0..3).for_each(|i| cluster.terminate(i));
        cluster.launch(0);
        cluster.launch(1);
        poll::until(LIMIT, "the log to say so", || {
            cluster.log(0).contains("the time is unknown").then_some(())
        })
        .unwrap();
        cluster.restart(&[2]);
        send(&client, &url, &mut sent, 10).await;
    }
    receive_all(&client, &url, &sent).await;
}
