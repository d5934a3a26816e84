//! The calls of producers and consumers, each written down as it ends.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};

use super::history::{Acknowledged, History, Send};
use super::recorder::Recorder;

/// A queue under test.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) visibility: Duration,
}

impl Queue {
    /// Creates it; FIFO if its name says so.
    pub(crate) async fn create(client: &Client, name: &'static str, visibility: Duration) -> Self {
        let mut call = client
            .create_queue()
            .queue_name(name)
            .attributes(Attribute::VisibilityTimeout, visibility.as_secs().to_string());
        if name.ends_with(".fifo") {
            call = call
                .attributes(Attribute::FifoQueue, "true")
                .attributes(Attribute::ContentBasedDeduplication, "true");
        }
        let url = call
            .send()
            .await
            .expect("a healthy cluster creates queues")
            .queue_url;
        Self {
            name,
            url: url.expect("a created queue has a URL"),
            visibility,
        }
    }

    fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

/// Sends one message; the group counts on FIFO queues only.
pub(crate) async fn send(client: &Client, queue: &Queue, recorder: &Recorder, body: String, group: String) {
    let group = queue.is_fifo().then_some(group);
    let call = client.send_message().queue_url(&queue.url).message_body(&body);
    let reply = call.set_message_group_id(group.clone()).send().await;
    let acknowledged = reply.ok().map(|reply| Acknowledged {
        message_id: reply.message_id.unwrap_or_default(),
        sequence: reply.sequence_number.and_then(|number| number.parse().ok()),
    });
    recorder.sent(Send {
        body,
        group,
        acknowledged,
    });
}

/// Receives once and deletes what came, one by one or as a batch.
pub(crate) async fn receive_once(client: &Client, queue: &Queue, recorder: &Recorder, call: usize) {
    let began = recorder.now();
    let receive = client
        .receive_message()
        .queue_url(&queue.url)
        .max_number_of_messages(10)
        .wait_time_seconds(1)
        .message_system_attribute_names(MessageSystemAttributeName::All);
    // A failed receive is the SDK's last word; the next turn tries anew.
    let Ok(reply) = receive.send().await else { return };
    let messages = reply.messages.unwrap_or_default();
    recorder.received(call, began, &messages);
    if call.is_multiple_of(2) {
        delete_batch(client, queue, recorder, &messages).await;
    } else {
        for message in &messages {
            delete(client, queue, recorder, message).await;
        }
    }
}

async fn delete(client: &Client, queue: &Queue, recorder: &Recorder, message: &Message) {
    let began = recorder.now();
    let call = client.delete_message().queue_url(&queue.url);
    let reply = call
        .set_receipt_handle(message.receipt_handle.clone())
        .send()
        .await;
    recorder.deleted(message.message_id().unwrap_or_default(), began, reply.is_ok());
}

async fn delete_batch(client: &Client, queue: &Queue, recorder: &Recorder, messages: &[Message]) {
    if messages.is_empty() {
        return;
    }
    let entries = messages.iter().enumerate().map(|(i, message)| {
        DeleteMessageBatchRequestEntry::builder()
            .id(i.to_string())
            .set_receipt_handle(message.receipt_handle.clone())
            .build()
            .expect("id and handle are set")
    });
    let began = recorder.now();
    let call = client.delete_message_batch().queue_url(&queue.url);
    let reply = call.set_entries(Some(entries.collect())).send().await;
    let done: BTreeSet<String> = reply
        .map(|reply| reply.successful.into_iter().map(|entry| entry.id).collect())
        .unwrap_or_default();
    for (i, message) in messages.iter().enumerate() {
        let success = done.contains(&i.to_string());
        recorder.deleted(message.message_id().unwrap_or_default(), began, success);
    }
}

/// Whether every acknowledged message has come and the queue says that it has none.
pub(crate) async fn is_empty(client: &Client, queue: &Queue, recorder: &Recorder) -> Result<(), String> {
    let missing = missing(&recorder.history());
    if let Some(one) = missing.first() {
        return Err(format!(
            "{} messages have not come, such as {one:?}",
            missing.len()
        ));
    }
    let counts = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
        Attribute::ApproximateNumberOfMessagesDelayed,
    ];
    let call = client.get_queue_attributes().queue_url(&queue.url);
    let reply = call
        .set_attribute_names(Some(counts.to_vec()))
        .send()
        .await
        .map_err(|e| format!("{e:?}"))?;
    let attributes = reply.attributes.unwrap_or_default();
    let none_left = counts
        .iter()
        .all(|name| attributes.get(name).is_some_and(|count| count == "0"));
    if none_left {
        Ok(())
    } else {
        Err(format!("the queue says {attributes:?}"))
    }
}

/// Bodies that were acknowledged and not received.
pub(crate) fn missing(history: &History) -> Vec<String> {
    let received: BTreeSet<&str> = history.deliveries.iter().map(|d| d.body.as_str()).collect();
    let sends = history.sends.iter().filter(|send| send.acknowledged.is_some());
    sends
        .map(|send| send.body.clone())
        .filter(|body| !received.contains(body.as_str()))
        .collect()
}
