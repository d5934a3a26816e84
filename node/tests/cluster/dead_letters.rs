//! Dead letters that move away, and back by a move task, while the leader of the partition that they leave dies.
//!
//! Each message must be in the one queue or the other, once.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use crate::harness::{Balancer, Cluster, client};

const MESSAGES: usize = 600;
/// Messages a second, so that the task outlives its leader's death.
const RATE: i32 = 150;
/// How long messages may take to move, a leader's death included.
const MOVING_LIMIT: Duration = Duration::from_secs(90);
const ASKING_INTERVAL: Duration = Duration::from_millis(100);
const SOURCE: &str = "move-source";
const DEAD: &str = "move-dead";

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_survive_their_leader_on_both_ways() {
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let sqs = client(balancer.endpoint());
    let dead = create(&sqs, DEAD, None).await;
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{DEAD}");
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#);
    let source = create(&sqs, SOURCE, Some(&policy)).await;
    send(&sqs, &source).await;

    let killed = die(&sqs, &mut cluster, &source).await;
    cluster.restart(&[killed]);
    let (dead_letters, handles) = receive_all(&sqs, &dead).await;
    assert_each_once(&dead_letters);
    make_visible(&sqs, &dead, handles).await;

    let start = sqs.start_message_move_task().source_arn(&arn);
    start
        .max_number_of_messages_per_second(RATE)
        .send()
        .await
        .unwrap();
    await_moved(&sqs, &arn, MESSAGES as i64 / 4).await;
    let leader = cluster.leader_of(DEAD);
    cluster.kill(leader);
    await_moved(&sqs, &arn, MESSAGES as i64).await;
    assert_each_once(&receive_all(&sqs, &source).await.0);
    assert_eq!(receive_all(&sqs, &dead).await.0, BTreeMap::new(), "nothing stays");
}

async fn create(sqs: &Client, name: &str, redrive: Option<&str>) -> String {
    let mut call = sqs.create_queue().queue_name(name);
    if let Some(policy) = redrive {
        call = call.attributes(QueueAttributeName::RedrivePolicy, policy);
    }
    call.send().await.unwrap().queue_url.unwrap()
}

async fn send(sqs: &Client, url: &str) {
    for first in (0..MESSAGES).step_by(10) {
        let entries = (first..first + 10).map(|n| {
            let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
            entry.message_body(n.to_string()).build().unwrap()
        });
        let batch = sqs.send_message_batch().queue_url(url);
        let reply = batch.set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!(reply.failed(), []);
    }
}

/// Receives each message once, which makes it a dead letter for the next receive, until none comes; kills the
/// leader on the way. Returns who was killed.
async fn die(sqs: &Client, cluster: &mut Cluster, url: &str) -> usize {
    let mut received = 0;
    let mut killed = None;
    loop {
        let receive = sqs.receive_message().queue_url(url).visibility_timeout(0);
        let reply = receive.max_number_of_messages(10).wait_time_seconds(1);
        match reply.send().await.unwrap().messages().len() {
            0 => return killed.expect("the leader was killed on the way"),
            count => received += count,
        }
        if received > MESSAGES / 2 && killed.is_none() {
            let leader = cluster.leader_of(SOURCE);
            cluster.kill(leader);
            killed = Some(leader);
        }
    }
}

/// The bodies of a queue's messages and how often each came, until a poll comes back empty; and their receipt handles.
async fn receive_all(sqs: &Client, url: &str) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut bodies, mut handles) = (BTreeMap::new(), Vec::new());
    loop {
        let receive = sqs.receive_message().queue_url(url).visibility_timeout(600);
        let reply = receive.max_number_of_messages(10).wait_time_seconds(3);
        let messages = reply.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return (bodies, handles);
        }
        for message in messages {
            *bodies.entry(message.body.unwrap()).or_default() += 1;
            handles.push(message.receipt_handle.unwrap());
        }
    }
}

async fn make_visible(sqs: &Client, url: &str, handles: Vec<String>) {
    for handle in handles {
        let change = sqs.change_message_visibility().queue_url(url);
        let change = change.receipt_handle(handle).visibility_timeout(0);
        change.send().await.unwrap();
    }
}

fn assert_each_once(bodies: &BTreeMap<String, usize>) {
    let expected: BTreeMap<String, usize> = (0..MESSAGES).map(|n| (n.to_string(), 1)).collect();
    assert_eq!(bodies, &expected);
}

/// Waits until a move task has moved so many messages, which are all there are if it has ended. The only way to hear of it
/// is to ask.
async fn await_moved(sqs: &Client, arn: &str, count: i64) {
    let moved = tokio::time::timeout(MOVING_LIMIT, ask_until_moved(sqs, arn, count));
    moved
        .await
        .unwrap_or_else(|_| panic!("{count} messages have not moved in {MOVING_LIMIT:?}"));
}

async fn ask_until_moved(sqs: &Client, arn: &str, count: i64) {
    let mut interval = tokio::time::interval(ASKING_INTERVAL);
    loop {
        interval.tick().await;
        let list = sqs.list_message_move_tasks().source_arn(arn);
        let tasks = list.send().await.unwrap();
        let task = tasks.results().first().expect("the task was started");
        let moved = task.approximate_number_of_messages_moved();
        match task.status() {
            Some("RUNNING") if moved < count || count == MESSAGES as i64 => {}
            Some("RUNNING") => return,
            status => {
                let end = (status, moved, task.approximate_number_of_messages_to_move());
                assert_eq!(end, (Some("COMPLETED"), MESSAGES as i64, Some(MESSAGES as i64)));
                assert_eq!(count, MESSAGES as i64, "the task ended before its leader died");
                return;
            }
        }
    }
}
