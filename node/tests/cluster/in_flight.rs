//! SQS's limit of messages in flight: what a receive is told that comes after it, and that there is room again.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use futures::{StreamExt, TryStreamExt};

use crate::harness::{Cluster, client};

const LIMIT: usize = 120_000;
/// Calls at a time.
const AT_ONCE: usize = 48;

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_120_000_messages_are_in_flight() {
    let cluster = Cluster::start(3);
    let sqs = client(&cluster.endpoint(0));
    let create = sqs.create_queue().queue_name("in-flight");
    let create = create.attributes(QueueAttributeName::VisibilityTimeout, "43200");
    let url = create.send().await.unwrap().queue_url.unwrap();
    // A few more than may be in flight.
    let calls = LIMIT / 10 + 10;
    let sent = futures::stream::iter(0..calls).map(|call| send_ten(&sqs, &url, call));
    sent.buffer_unordered(AT_ONCE).try_collect::<()>().await.unwrap();
    let received = futures::stream::iter(0..LIMIT / 10).map(|_| receive(&sqs, &url, 20));
    let received: Vec<Vec<String>> = received.buffer_unordered(AT_ONCE).collect().await;
    let handles: Vec<String> = received.into_iter().flatten().collect();
    assert_eq!(handles.len(), LIMIT, "so many may be in flight");

    let short = sqs.receive_message().queue_url(&url).wait_time_seconds(0);
    let refused = short.send().await.unwrap_err().into_service_error();
    assert!(refused.is_over_limit(), "{refused:?}");
    assert_eq!(
        receive(&sqs, &url, 1).await,
        [""; 0],
        "a long poll is not refused"
    );
    let mut waiting = Box::pin(receive(&sqs, &url, 20));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "there is no room: {early:?}");
    let delete = sqs.delete_message().queue_url(&url).receipt_handle(&handles[0]);
    delete.send().await.unwrap();
    assert_eq!(waiting.await.len(), 1, "room for one");
}

async fn send_ten(sqs: &Client, url: &str, call: usize) -> Result<(), aws_sdk_sqs::Error> {
    let entries = (0..10).map(|n| {
        let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
        entry.message_body(format!("{call}-{n}")).build().unwrap()
    });
    let batch = sqs.send_message_batch().queue_url(url);
    batch.set_entries(Some(entries.collect())).send().await?;
    Ok(())
}

/// The receipt handles of what a poll of so many seconds brings.
async fn receive(sqs: &Client, url: &str, wait: i32) -> Vec<String> {
    let receive = sqs.receive_message().queue_url(url).wait_time_seconds(wait);
    let reply = receive.max_number_of_messages(10).send().await.unwrap();
    let messages = reply.messages.unwrap_or_default().into_iter();
    messages.filter_map(|message| message.receipt_handle).collect()
}
