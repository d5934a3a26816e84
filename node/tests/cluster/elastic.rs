//! A cluster grows and shrinks while it works: nothing is lost, and no call fails that the SDK does not retry by itself.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use futures::StreamExt;
use serde_json::Value;

use crate::failover::{ATTEMPT_LIMIT, CALL_LIMIT, Queue, Traffic, VISIBILITY, progress, violations};
use crate::harness::{Balancer, Cluster, client_within, poll};

/// How long replicas and leaders may take to be placed evenly.
const EVEN_LIMIT: Duration = Duration::from_secs(120);
/// Sizes of groups are told every 5 s, and count once they have lasted for 10 s.
const REST: Duration = Duration::from_secs(16);
/// What large queues have.
const BACKLOG_BYTES: u64 = 256 << 20;
/// The size of one of their messages.
const BODY_BYTES: u64 = 900 << 10;
const QUEUES: [&str; 8] = [
    "elastic-1",
    "elastic-2",
    "elastic-3",
    "elastic-4",
    "elastic-5.fifo",
    "elastic-6.fifo",
    "elastic-7.fifo",
    "elastic-8.fifo",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_and_another_leaves_under_load() {
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let client = client_within(balancer.endpoint(), ATTEMPT_LIMIT, CALL_LIMIT);
    let mut queues = Vec::new();
    for name in QUEUES {
        queues.push(Queue::create(&client, name, VISIBILITY).await);
    }
    let traffic: Vec<Traffic> = [0, 4]
        .iter()
        .map(|n| Traffic::start(&client, &queues[*n]))
        .collect();
    progress(&traffic).await;

    // The balancer has the place after the third node.
    let _taken = cluster.add(&[]);
    let new = cluster.add(&[]);
    cluster.restart(&[new]);
    let number = (new + 1) as u64;
    await_share(&cluster, number, 6, 2);
    progress(&traffic).await;

    let drained = tokio::task::block_in_place(|| cluster.operate(1, &["drain", "1", "--wait"])).unwrap();
    let line = node(&drained, 1);
    assert_eq!(
        (&line["draining"], &line["placed"]),
        (&true.into(), &0.into()),
        "{line}"
    );
    assert_eq!(line["catalog_voter"], false, "{line}");
    poll::until(EVEN_LIMIT, "node 1 to close its replicas", || {
        let status = cluster.operate(1, &["status"]).ok()?;
        // The catalog's remains as long as it is a node.
        (node(&status, 1)["replicas"] == 1).then_some(())
    })
    .unwrap();
    progress(&traffic).await;
    let removed = cluster.operate(1, &["remove", "1"]).unwrap();
    assert_eq!(removed["nodes"].as_array().map(Vec::len), Some(3));
    cluster.terminate(0);
    progress(&traffic).await;

    // It is gone for good.
    cluster.launch(0);
    let status = cluster.await_end(0, EVEN_LIMIT);
    assert_eq!(status.code(), Some(1));
    let log = cluster.log(0);
    let last = log.lines().last().unwrap();
    assert!(last.contains("node 1 was taken out of the cluster"), "{last}");

    for (traffic, queue) in traffic.into_iter().zip([&queues[0], &queues[4]]) {
        let history = traffic.drain().await;
        let failed = history
            .sends
            .iter()
            .filter(|send| send.acknowledged.is_none())
            .count();
        assert_eq!(failed, 0, "{}: of {} sends", queue.name, history.sends.len());
        assert_eq!(violations(&history), Vec::<String>::new(), "{}", queue.name);
    }
}

/// With `--renumber`, as pods of a StatefulSet run: whoever lost its disk, or comes back after it was taken out, is a new node.
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_its_disk_or_was_taken_out_joins_under_another_number() {
    let mut cluster = Cluster::start_with(3, &["--renumber"]);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    let queue = Queue::create(&client, "renumbered", VISIBILITY).await;
    let traffic = [Traffic::start(&client, &queue)];
    progress(&traffic).await;

    cluster.kill(2);
    std::fs::remove_dir_all(cluster.data(2)).unwrap();
    cluster.restart(&[2]);
    let status = cluster.operate(0, &["remove", "3", "--lost"]).unwrap();
    assert_eq!(node(&status, 3), Value::Null);
    assert_eq!(node(&status, 4)["alive"], true, "{status:#}");
    progress(&traffic).await;
    // It keeps its number from now on.
    cluster.terminate(2);
    cluster.restart(&[2]);
    progress(&traffic).await;

    // Taken out while it is away, it empties its folder and begins anew.
    cluster.kill(1);
    let new = cluster.add(&["--renumber"]);
    cluster.restart(&[new]);
    let status = cluster.operate(0, &["status"]).unwrap();
    assert_eq!(
        node(&status, 5)["alive"],
        true,
        "four is another node's by now: {status:#}"
    );
    cluster.operate(0, &["remove", "2", "--lost"]).unwrap();
    cluster.restart(&[1]);
    let status = cluster.operate(0, &["status"]).unwrap();
    assert_eq!(node(&status, 6)["alive"], true, "{status:#}");
    progress(&traffic).await;
    let [traffic] = traffic;
    assert_eq!(violations(&traffic.drain().await), Vec::<String>::new());
}

/// A node that is dead for good is replaced by hand at once, or by itself after a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_replaced() {
    let mut cluster = Cluster::start_with(4, &["--replace-after-seconds", "3"]);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    let queue = Queue::create(&client, "bereaved.fifo", VISIBILITY).await;
    let traffic = [Traffic::start(&client, &queue)];
    progress(&traffic).await;
    let status = cluster.operate(0, &["status"]).unwrap();
    let replicas = replicas(&status, "bereaved.fifo");
    let dead = *replicas.iter().find(|id| **id != 1).unwrap();
    assert!(
        cluster
            .operate(0, &["remove", &dead.to_string(), "--lost"])
            .is_err_and(|e| e.contains("is not lost")),
        "it still answers"
    );
    cluster.kill(dead as usize - 1);
    poll::until(EVEN_LIMIT, "its replica to be placed elsewhere", || {
        let status = cluster.operate(0, &["status"]).ok()?;
        let now = self::replicas(&status, "bereaved.fifo");
        let is_there = now.len() == 3 && !now.contains(&dead) && node(&status, dead)["placed"] == 0;
        is_there.then_some(())
    })
    .unwrap();
    let refused = cluster
        .operate(0, &["transfer", "1", &dead.to_string()])
        .unwrap_err();
    assert!(refused.contains("has no replica"), "{refused}");
    cluster
        .operate(0, &["remove", &dead.to_string(), "--lost"])
        .unwrap();

    // Now another one's death is survived, because there are three replicas.
    let now = self::replicas(&cluster.operate(0, &["status"]).unwrap(), "bereaved.fifo");
    let next = *now.iter().find(|id| **id != 1).unwrap();
    cluster.kill(next as usize - 1);
    progress(&traffic).await;
    let [traffic] = traffic;
    assert_eq!(violations(&traffic.drain().await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_can_replace_keeps_what_it_has() {
    let cluster = Cluster::start(3);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    Queue::create(&client, "kept", VISIBILITY).await;
    let refused = cluster.operate(0, &["remove", "2"]).unwrap_err();
    assert!(refused.contains("still has 1 replicas"), "{refused}");
    let stuck = cluster.operate(0, &["drain", "2", "--wait"]).unwrap_err();
    assert!(stuck.contains("too few other nodes"), "{stuck}");
    let status = cluster.operate(0, &["drain", "2", "--undo"]).unwrap();
    assert_eq!(node(&status, 2)["draining"], false);
    let unknown = cluster.operate(0, &["drain", "9"]).unwrap_err();
    assert!(unknown.contains("there is no node 9"), "{unknown}");
    let next = cluster.operate(0, &["add"]).unwrap();
    assert_eq!(next["node_id"], 4);

    // Leadership goes where it is told to go.
    let status = cluster.operate(0, &["status"]).unwrap();
    let group = group(&status, "kept")["id"].to_string();
    let leader = group_leader(&status, "kept");
    let other = leader % 3 + 1;
    cluster
        .operate(0, &["transfer", &group, &other.to_string()])
        .unwrap();
    poll::until(EVEN_LIMIT, "the other node to lead", || {
        let status = cluster.operate(0, &["status"]).ok()?;
        (group_leader(&status, "kept") == other).then_some(())
    })
    .unwrap();
}

/// Two queues that live on the same node get long backlogs: one of them moves, and then everything stays where it is.
#[tokio::test(flavor = "multi_thread")]
async fn large_queues_are_spread_over_nodes() {
    let cluster = Cluster::start_with(4, &["--replicas", "1", "--partitions-max", "1"]);
    let client = client_within(&cluster.endpoint(0), ATTEMPT_LIMIT, CALL_LIMIT);
    let mut queues = Vec::new();
    for name in QUEUES {
        queues.push(Queue::create(&client, name, VISIBILITY).await);
    }
    let status = await_rest(&cluster, |status| {
        (1..=4).all(|number| node(status, number)["placed"] == 2)
    });
    let at = |status: &Value, queue: &Queue| replicas(status, queue.name)[0];
    let first = &queues[0];
    let others = queues[1..].iter();
    let second = others
        .clone()
        .find(|other| at(&status, other) == at(&status, first));
    let second = second.expect("each node has two queues");
    futures::join!(fill(&client, first), fill(&client, second));

    let status = await_rest(&cluster, |status| at(status, first) != at(status, second));
    for queue in [first, second] {
        let of_queue = group(&status, queue.name)["bytes"].as_u64().unwrap_or(0);
        let of_node = node(&status, at(&status, queue))["bytes"].as_u64().unwrap_or(0);
        let one = BACKLOG_BYTES..BACKLOG_BYTES * 11 / 10;
        assert!(one.contains(&of_queue), "{}: {of_queue} bytes", queue.name);
        assert!(
            one.contains(&of_node),
            "the node of {}: {of_node} bytes",
            queue.name
        );
    }
    let counts = (1..=4).map(|number| node(&status, number)["placed"].as_u64().unwrap_or(0));
    assert_eq!(counts.clone().sum::<u64>(), 8);
    assert_eq!(counts.max(), Some(3), "the small ones make room: {status:#}");
}

/// Puts a long backlog into a queue.
async fn fill(client: &Client, queue: &Queue) {
    let body = "m".repeat(BODY_BYTES as usize);
    let sends = futures::stream::iter(0..BACKLOG_BYTES.div_ceil(BODY_BYTES)).map(|n| {
        let send = client.send_message().queue_url(&queue.url).message_body(&body);
        let is_fifo = queue.name.ends_with(".fifo");
        let send = send.set_message_group_id(is_fifo.then(|| "g".to_owned()));
        send.set_message_deduplication_id(is_fifo.then(|| n.to_string()))
            .send()
    });
    sends
        .buffer_unordered(4)
        .for_each(async |sent| drop(sent.unwrap()))
        .await;
}

/// Waits until the cluster is as it should be, nothing is on its way, and nothing is to change for some looks of the planner.
fn await_rest(cluster: &Cluster, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut since = None;
    let seen = poll::until(EVEN_LIMIT, "the cluster to come to rest", || {
        let status = cluster.operate(0, &["status"]).ok()?;
        let mut groups = status["groups"].as_array().into_iter().flatten();
        let has_arrived = groups.all(|group| group["moving"].as_array().is_none_or(Vec::is_empty));
        if !is_so(&status) || !has_arrived || status["planned"] != 0 {
            since = None;
            return None;
        }
        let since = since.get_or_insert_with(Instant::now);
        (since.elapsed() >= REST).then_some(status)
    });
    seen.unwrap_or_else(|e| panic!("{e}: {:#}", cluster.operate(0, &["status"]).unwrap_or_default()))
}

/// Waits until a node has so many replicas of queues, and leads at least so many groups.
fn await_share(cluster: &Cluster, number: u64, replicas: u64, leads: u64) {
    poll::until(EVEN_LIMIT, "the new node to have its share", || {
        let status = cluster.operate(0, &["status"]).ok()?;
        let line = node(&status, number);
        let has = |name: &str| line[name].as_u64().unwrap_or(0);
        let is_even = has("placed") == replicas && has("leads") >= leads && status["planned"] == 0;
        is_even.then_some(())
    })
    .unwrap_or_else(|e| panic!("{e}: {:#}", cluster.operate(0, &["status"]).unwrap_or_default()));
}

fn node(status: &Value, number: u64) -> Value {
    let mut nodes = status["nodes"].as_array().into_iter().flatten();
    nodes
        .find(|node| node["id"] == number)
        .cloned()
        .unwrap_or_default()
}

fn group(status: &Value, queue: &str) -> Value {
    let mut groups = status["groups"].as_array().into_iter().flatten();
    let is_ours = |group: &&Value| {
        group["queue"]
            .as_str()
            .is_some_and(|name| name.ends_with(&format!("/{queue}")))
    };
    groups.find(is_ours).cloned().unwrap_or_default()
}

fn replicas(status: &Value, queue: &str) -> Vec<u64> {
    let group = group(status, queue);
    group["replicas"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

fn group_leader(status: &Value, queue: &str) -> u64 {
    group(status, queue)["leader"].as_u64().unwrap_or(0)
}
