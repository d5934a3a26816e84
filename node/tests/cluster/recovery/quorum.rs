//! Too few nodes for a majority, and a leader that is there but does nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{create, delete, receive, receive_exactly, send, send_each};
use crate::harness::{Answer, Balancer, Cluster, client, client_within, raw};

/// A node's patience with a group that has no leader, and room for a slow machine.
const PATIENCE: std::ops::Range<Duration> = Duration::from_secs(5)..Duration::from_secs(20);
const FREEZE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_sends_are_refused_and_repeated() {
    let mut cluster = Cluster::start(3);
    let url = create(&client(&cluster.endpoint(0)), "quorum", 30).await;
    let alone = cluster.leader_of("quorum");
    let here = client_within(
        &cluster.endpoint(alone),
        Duration::from_secs(30),
        Duration::from_secs(90),
    );
    let mut sent = send_each(&here, &url, std::iter::once("before".to_owned())).await;
    let others: Vec<usize> = (0..3).filter(|i| *i != alone).collect();
    others.iter().for_each(|i| cluster.kill(*i));

    // The SDK repeats what is refused; by then there is a quorum again.
    let sdk = tokio::spawn({
        let (here, url) = (here.clone(), url.clone());
        async move { send(&here, &url, "repeated").await }
    });
    let api = cluster.addresses()[alone];
    let refusals = [send_json, send_query].map(|send| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            (send(api, &url), began.elapsed())
        })
    });
    let [json, query] = refusals;
    for (refused, shape) in [
        (json, "#ServiceUnavailable\""),
        (query, "<Code>ServiceUnavailable</Code>"),
    ] {
        let (answer, after) = refused.await.unwrap();
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.body.contains(shape), "{answer:?}");
        assert!(PATIENCE.contains(&after), "refused after {after:?}");
    }
    assert!(cluster.runs(alone));

    cluster.restart(&others);
    sent.insert("repeated".to_owned(), sdk.await.unwrap());
    // What was refused may have been stored all the same, at most once.
    let mut came = BTreeMap::new();
    while sent.keys().any(|body| !came.contains_key(body)) {
        let messages = receive(&here, &url, 10, 5).await;
        assert!(!messages.is_empty(), "only {came:?} came");
        for message in messages {
            delete(&here, &url, &message).await;
            let twice = came.insert(message.body.unwrap(), message.message_id.unwrap());
            assert_eq!(twice, None, "a message came twice");
        }
    }
    for (body, id) in &sent {
        assert_eq!(&came[body], id);
    }
}

fn send_json(api: SocketAddr, url: &str) -> Answer {
    let headers = [
        ("x-amz-target", "AmazonSQS.SendMessage"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let body = serde_json::json!({"QueueUrl": url, "MessageBody": "refused by json"}).to_string();
    raw(api, "POST", "/", &headers, body.as_bytes()).unwrap()
}

fn send_query(api: SocketAddr, url: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("Action=SendMessage&Version=2012-11-05&QueueUrl={url}&MessageBody=refused");
    raw(api, "POST", "/", &headers, body.as_bytes()).unwrap()
}

/// A frozen leader keeps its connections and, for its own clock, its lease: another one is elected, and
/// when the old one goes on it must not answer from what it remembers.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_is_replaced() {
    let mut cluster = Cluster::start(3);
    let url = create(&client(&cluster.endpoint(0)), "frozen.fifo", 30).await;
    let leader = cluster.leader_of("frozen.fifo");
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let clients = client_within(
        balancer.endpoint(),
        Duration::from_secs(3),
        Duration::from_secs(30),
    );
    let awake = client(&cluster.endpoint((leader + 1) % 3));
    let mut sent = send_each(&clients, &url, (0..20).map(|n| format!("{n:05}"))).await;

    cluster.freeze(leader);
    let frozen = Instant::now();
    let mut number = 20;
    while frozen.elapsed() < FREEZE {
        sent.extend(send_each(&awake, &url, std::iter::once(format!("{number:05}"))).await);
        number += 1;
    }
    assert!(
        number > 40,
        "only {} sends while the leader was frozen",
        number - 20
    );
    cluster.thaw(leader);
    sent.extend(send_each(&clients, &url, (number..number + 20).map(|n| format!("{n:05}"))).await);
    receive_exactly(&client(&cluster.endpoint(leader)), &url, &sent).await;
    cluster.await_caught_up();
}
