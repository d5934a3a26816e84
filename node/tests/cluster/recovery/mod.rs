//! What a cluster survives besides the death of a leader, and what a node refuses.
//!
//! - `behind`: a follower that the log cannot help any more, lost and damaged checkpoints
//! - `blackout`: all nodes die at once, after checkpoints
//! - `disk`: a disk that takes no more
//! - `startup`: folders and settings with which a node must not run
//! - `membership`: wiped nodes, new nodes, lonely nodes
//! - `quorum`: too few nodes, and a leader that is frozen
//! - `overload`: more than the bounds allow, and nonsense
//! - `overview`: `millrace status`
//! - `quarantine`: a log entry that no node can apply
//! - `verify`: `millrace cluster verify`
//! - `unsafe_recover`: queues and a catalog whose majority is lost for good

mod behind;
mod blackout;
mod disk;
mod membership;
mod overload;
mod overview;
mod quarantine;
mod quorum;
mod startup;
mod unsafe_recover;
mod verify;

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName as Attribute};

/// Checkpoints after so few bytes that a test can wait for them.
const SMALL_CHECKPOINTS: [&str; 2] = ["--checkpoint-bytes", "60000"];

/// A queue; FIFO if its name says so.
async fn create(client: &Client, name: &str, visibility_s: u64) -> String {
    let mut call = client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::VisibilityTimeout, visibility_s.to_string());
    if name.ends_with(".fifo") {
        call = call.attributes(Attribute::FifoQueue, "true");
    }
    call.send().await.unwrap().queue_url.unwrap()
}

/// Sends `bodies` one after the other, each in a log entry of its own, and gives their message ids.
/// On a FIFO queue each body is its own deduplication id.
async fn send_each(
    client: &Client,
    url: &str,
    bodies: impl Iterator<Item = String>,
) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for body in bodies {
        let id = send(client, url, &body).await;
        ids.insert(body, id);
    }
    ids
}

async fn send(client: &Client, url: &str, body: &str) -> String {
    let mut call = client.send_message().queue_url(url).message_body(body);
    if url.ends_with(".fifo") {
        let id = body.split(' ').next().unwrap();
        call = call.message_group_id("g").message_deduplication_id(id);
    }
    call.send().await.unwrap().message_id.unwrap()
}

/// One receive of up to `max` messages.
async fn receive(client: &Client, url: &str, max: i32, wait_s: i32) -> Vec<Message> {
    let call = client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(max)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .wait_time_seconds(wait_s);
    call.send().await.unwrap().messages.unwrap_or_default()
}

async fn delete(client: &Client, url: &str, message: &Message) {
    let call = client.delete_message().queue_url(url);
    let call = call.set_receipt_handle(message.receipt_handle.clone());
    call.send().await.unwrap();
}

/// Receives and deletes until as many messages came as were sent; each must come once, under the id
/// that its sender was told. On a FIFO queue bodies must come in order.
async fn receive_exactly(client: &Client, url: &str, sent: &BTreeMap<String, String>) {
    let mut came = BTreeMap::new();
    let mut before = String::new();
    while came.len() < sent.len() {
        let messages = receive(client, url, 10, 5).await;
        assert!(
            !messages.is_empty(),
            "{} of {} messages came",
            came.len(),
            sent.len()
        );
        for message in messages {
            delete(client, url, &message).await;
            let body = message.body.unwrap();
            if url.ends_with(".fifo") {
                assert!(before < body, "{body} came after {before}");
                before.clone_from(&body);
            }
            let twice = came.insert(body, message.message_id.unwrap());
            assert_eq!(twice, None, "a message came twice");
        }
    }
    assert_eq!(&came, sent);
    let more = receive(client, url, 10, 0).await;
    assert!(more.is_empty(), "nobody sent {more:?}");
}

fn receive_count(message: &Message) -> &str {
    &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount]
}
