//! A standard queue that has too much to do gets more partitions, and loses nothing on the way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::StreamExt;

use crate::harness::{Balancer, Cluster, client};

/// Calls at a time: together far more bytes than the log takes at once.
const AT_ONCE: usize = 48;
/// Messages of a call, and the bytes of each.
const BATCH: usize = 10;
const BYTES: usize = 20_000;
/// Calls of each worker at most.
const CALLS_MAX: usize = 200;
/// So many entries a partition has only if messages went there.
const ENTRIES: u64 = 10;
/// Every so manieth reply is lost, so that calls are made again.
const LOSE_EVERY: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_saturated_queue_grows() {
    let at_once = ["--grow-after-seconds", "1", "--grow-at-percent", "5"];
    let flags = [&at_once[..], &["--partitions-max", "2"]].concat();
    let cluster = Cluster::start_with(3, &flags);
    let listen: SocketAddr = cluster.spare_address();
    let nodes = cluster.addresses();
    let balancer = Balancer::losing(listen, nodes, LOSE_EVERY).await;
    let sqs = client(balancer.endpoint());
    let url = sqs.create_queue().queue_name("growing").send().await.unwrap();
    let url = url.queue_url.unwrap();

    let load = saturate(&cluster, &sqs, &url, "growing", 2).await;
    assert!(balancer.lost() > 0, "no reply was lost");

    let taken = |all: &Mutex<BTreeSet<String>>| std::mem::take(&mut *all.lock().unwrap());
    let (sent, unknown) = (taken(&load.sent), taken(&load.unknown));
    let received = drain(&client(&cluster.endpoint(0)), &url, sent.len()).await;
    let once: BTreeSet<String> = received.iter().cloned().collect();
    assert_eq!(received.len(), once.len(), "messages, each once");
    assert_eq!(sent.difference(&once).next(), None, "lost");
    let stray = once
        .iter()
        .find(|name| !sent.contains(*name) && !unknown.contains(*name));
    assert_eq!(stray, None, "never sent");
}

/// Sends as much as it can until the queue has so many partitions and messages are in each; gives what was sent.
pub(crate) async fn saturate(
    cluster: &Cluster,
    sqs: &Client,
    url: &str,
    name: &str,
    partitions: usize,
) -> Arc<Load> {
    let load = Arc::<Load>::default();
    let workers = (0..AT_ONCE).map(|_| tokio::spawn(work(sqs.clone(), url.to_owned(), load.clone())));
    let workers: Vec<_> = workers.collect();
    tokio::task::block_in_place(|| cluster.await_partitions(name, partitions, ENTRIES));
    load.has_grown.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    load
}

/// What workers share.
#[derive(Default)]
pub(crate) struct Load {
    next: AtomicUsize,
    has_grown: AtomicBool,
    /// What was acknowledged.
    sent: Mutex<BTreeSet<String>>,
    /// What the SDK gave up on, so that nobody knows.
    unknown: Mutex<BTreeSet<String>>,
}

/// Sends until the queue has grown.
async fn work(sqs: Client, url: String, load: Arc<Load>) {
    for _ in 0..CALLS_MAX {
        if load.has_grown.load(Ordering::Relaxed) {
            return;
        }
        let (names, is_done) = send_batch(&sqs, &url, &load.next).await;
        let all = if is_done { &load.sent } else { &load.unknown };
        all.lock().unwrap().extend(names);
    }
}

/// A receive that waits already is told of what comes to the new partition, too.
#[tokio::test(flavor = "multi_thread")]
async fn receives_wait_at_all_partitions() {
    let cluster = Cluster::start_with(3, &["--partitions", "3"]);
    let nodes = [0, 1, 2].map(|node| client(&cluster.endpoint(node)));
    let url = nodes[0].create_queue().queue_name("wide").send().await.unwrap();
    let url = url.queue_url.unwrap();
    for number in 0..12 {
        let receive = nodes[number % 3].receive_message().queue_url(&url);
        let waiting = tokio::spawn(receive.wait_time_seconds(20).send());
        // At each of the partitions.
        tokio::task::block_in_place(|| cluster.await_waiting(3));
        let body = number.to_string();
        let send = nodes[(number + 1) % 3].send_message().queue_url(&url);
        send.message_body(&body).send().await.unwrap();
        let messages = waiting.await.unwrap().unwrap().messages.unwrap();
        assert_eq!(messages[0].body(), Some(body.as_str()));
        let delete = nodes[(number + 2) % 3].delete_message().queue_url(&url);
        let handle = messages[0].receipt_handle().unwrap();
        delete.receipt_handle(handle).send().await.unwrap();
    }
}

/// Sends a batch of messages that differ from all others; how they begin, and whether they were acknowledged.
async fn send_batch(sqs: &Client, url: &str, next: &AtomicUsize) -> (Vec<String>, bool) {
    let first = next.fetch_add(BATCH, Ordering::Relaxed);
    let names: Vec<String> = (first..first + BATCH)
        .map(|number| format!("{number}:"))
        .collect();
    let entries = names.iter().enumerate().map(|(id, name)| {
        let body = format!("{name}{}", "x".repeat(BYTES));
        let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
        entry.message_body(body).build().unwrap()
    });
    let batch = sqs.send_message_batch().queue_url(url);
    let sent = batch.set_entries(Some(entries.collect())).send().await;
    let is_done = sent.is_ok_and(|sent| sent.successful().len() == BATCH);
    (names, is_done)
}

/// Receives and deletes until so many have come and nothing is left; how the messages begin.
async fn drain(sqs: &Client, url: &str, expected: usize) -> Vec<String> {
    let count = AtomicUsize::new(0);
    let consumers = futures::stream::iter(0..8).map(async |_| {
        let mut all = Vec::new();
        loop {
            let is_last = count.load(Ordering::Relaxed) >= expected;
            let receive = sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let wait = if is_last { 0 } else { 1 };
            let reply = receive.wait_time_seconds(wait).send().await.unwrap();
            let messages = reply.messages.unwrap_or_default();
            if messages.is_empty() && is_last {
                return all;
            }
            count.fetch_add(messages.len(), Ordering::Relaxed);
            for message in messages {
                let delete = sqs.delete_message().queue_url(url);
                let delete = delete.receipt_handle(message.receipt_handle().unwrap());
                delete.send().await.unwrap();
                let (name, _) = message.body().unwrap().split_once(':').unwrap();
                all.push(format!("{name}:"));
            }
        }
    });
    consumers.buffer_unordered(8).collect::<Vec<_>>().await.concat()
}
