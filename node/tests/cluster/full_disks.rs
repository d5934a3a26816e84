//! Disks that are full on all nodes at once. Each node has a small file system in memory for its data, in a mount
//! namespace of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};

use crate::harness::{Cluster, client_within, poll};

const DISK_BYTES: u64 = 384 << 20;
const BODY_BYTES: usize = 200_000;
const LIMIT: Duration = Duration::from_secs(60);
/// Sends refused in a row after which the disks count as full: one refusal may come of a burst.
const REFUSED_IN_A_ROW: u32 = 20;
/// More messages than would fit on the disk.
const SENDS_MAX: usize = 2_000;

/// A client that repeats nothing, so that the test sees each refusal.
fn client(cluster: &Cluster, node: usize) -> Client {
    let patient = client_within(&cluster.endpoint(node), LIMIT, LIMIT);
    let config = patient.config().to_builder();
    Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
}

/// Sends one message; whether it was taken. Any other error than the throttling one is a failure.
async fn send(client: &Client, url: &str, body: &str) -> Option<String> {
    let call = client.send_message().queue_url(url).message_body(body);
    match call.send().await {
        Ok(sent) => sent.message_id,
        Err(SdkError::ServiceError(error)) => {
            let code = error.err().code().unwrap_or_default();
            assert_eq!(code, "RequestThrottled", "{error:?}");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Sends until nothing more is taken.
async fn fill(client: &Client, url: &str, round: &str) -> BTreeMap<String, String> {
    let mut sent = BTreeMap::new();
    let (mut refused, mut number) = (0, 0);
    while refused < REFUSED_IN_A_ROW {
        assert!(number < SENDS_MAX, "the disks were never full");
        let name = format!("{round} {number}");
        let body = format!("{name} {}", "x".repeat(BODY_BYTES));
        match send(client, url, &body).await {
            Some(id) => {
                sent.insert(name, id);
                refused = 0;
            }
            None => refused += 1,
        }
        number += 1;
    }
    sent
}

async fn receive(client: &Client, url: &str) -> Vec<Message> {
    let call = client.receive_message().queue_url(url);
    let call = call.max_number_of_messages(10).wait_time_seconds(5);
    call.send().await.unwrap().messages.unwrap_or_default()
}

async fn delete(client: &Client, url: &str, message: &Message) {
    let call = client.delete_message().queue_url(url);
    let call = call.set_receipt_handle(message.receipt_handle.clone());
    call.send().await.unwrap();
}

async fn delete_all(client: &Client, url: &str, messages: &[Message]) {
    let mut call = client.delete_message_batch().queue_url(url);
    for (number, message) in messages.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder();
        let entry = entry.id(number.to_string());
        let entry = entry.set_receipt_handle(message.receipt_handle.clone());
        call = call.entries(entry.build().unwrap());
    }
    let deleted = call.send().await.unwrap();
    assert!(deleted.failed().is_empty(), "{deleted:?}");
}

async fn drain(client: &Client, url: &str, sent: &BTreeMap<String, String>) {
    let mut came = BTreeMap::new();
    while came.len() < sent.len() {
        let messages = receive(client, url).await;
        assert!(!messages.is_empty(), "{} of {} came", came.len(), sent.len());
        delete_all(client, url, &messages).await;
        for message in messages {
            let body = message.body.unwrap();
            let name = body.rsplit_once(' ').unwrap().0.to_owned();
            came.insert(name, message.message_id.unwrap());
        }
    }
    assert_eq!(&came, sent);
}

/// Waits until no node says that its disk is full, and a send is taken again. Leaders hear of it a
/// moment later.
async fn await_room(cluster: &Cluster, client: &Client, url: &str, name: &str) -> BTreeMap<String, String> {
    let begun = std::time::Instant::now();
    loop {
        assert!(begun.elapsed() < LIMIT, "sends are still refused");
        poll::until(LIMIT, "the disks to have room", || {
            let status = tokio::task::block_in_place(|| cluster.status(0));
            let mut nodes = status["nodes"].as_array()?.iter();
            nodes.all(|node| node["disk_full"] == false).then_some(())
        })
        .unwrap();
        if let Some(id) = send(client, url, &format!("{name} ")).await {
            return BTreeMap::from([(name.to_owned(), id)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_disks_are_full_consumers_make_room_and_nothing_is_lost() {
    let mut cluster = Cluster::start_on_disks(3, DISK_BYTES);
    let client = client(&cluster, 0);
    let url = client.create_queue().queue_name("filled").send().await;
    let url = url.unwrap().queue_url.unwrap();
    let sent = fill(&client, &url, "first").await;
    println!("{} messages of {BODY_BYTES} bytes were taken", sent.len());
    assert!(sent.len() > 50, "only {} messages were taken", sent.len());
    poll::until(LIMIT, "the status to say so", || {
        let status = cluster.status(0);
        let mut nodes = status["nodes"].as_array()?.iter();
        nodes.any(|node| node["disk_full"] == true).then_some(())
    })
    .unwrap();

    // What makes no room, but must go on, goes on.
    let call = client
        .create_queue()
        .queue_name("consumers-make-it-when-they-start");
    let other = call.send().await.unwrap().queue_url.unwrap();
    // Its replicas are full, too. Its leader may be another node, which is told a moment later.
    let begun = std::time::Instant::now();
    while send(&client, &other, "x").await.is_some() {
        assert!(begun.elapsed() < LIMIT, "sends to another queue are taken");
    }
    let held = receive(&client, &url).await;
    for message in &held {
        let call = client.change_message_visibility().queue_url(&url);
        let call = call.set_receipt_handle(message.receipt_handle.clone());
        call.visibility_timeout(0).send().await.unwrap();
    }
    client.delete_queue().queue_url(other).send().await.unwrap();

    drain(&client, &url, &sent).await;
    let sent = await_room(&cluster, &client, &url, "between").await;
    drain(&client, &url, &sent).await;

    // Once more, and this time everything is thrown away.
    let sent = fill(&client, &url, "second").await;
    assert!(sent.len() > 50, "only {} messages were taken", sent.len());
    client.purge_queue().queue_url(&url).send().await.unwrap();
    let sent = await_room(&cluster, &client, &url, "after").await;
    let mut came = false;
    while !came {
        for message in receive(&client, &url).await {
            delete(&client, &url, &message).await;
            came |= sent.values().any(|id| Some(id) == message.message_id.as_ref());
        }
    }
    for node in 0..3 {
        assert!(
            cluster.runs(node),
            "node {} has ended: {}",
            node + 1,
            cluster.log(node)
        );
    }
}
