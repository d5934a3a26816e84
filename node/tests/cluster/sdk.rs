//! Everyday calls of the Rust SDK, each to another node than the one before.

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};

use crate::harness::{Cluster, client};

#[tokio::test(flavor = "multi_thread")]
async fn rust_sdk() {
    let cluster = Cluster::start(3);
    let nodes = [0, 1, 2].map(|i| client(&cluster.endpoint(i)));
    attributes_travel(&nodes).await;
    a_poll_wakes(&nodes).await;
    batches_fail_in_part(&nodes).await;
    fifo_keeps_order(&nodes).await;
    errors_have_types(&nodes).await;
}

async fn create(client: &Client, name: &str) -> String {
    let mut call = client.create_queue().queue_name(name);
    if name.ends_with(".fifo") {
        call = call.attributes(QueueAttributeName::FifoQueue, "true");
    }
    call.send().await.unwrap().queue_url.unwrap()
}

/// The SDK verifies the digests of bodies by itself.
async fn attributes_travel([a, b, c]: &[Client; 3]) {
    let url = create(a, "sdk-attributes").await;
    let number = MessageAttributeValue::builder()
        .data_type("Number.int")
        .string_value("42")
        .build()
        .unwrap();
    let sent = b
        .send_message()
        .queue_url(&url)
        .message_body("héllo")
        .message_attributes("answer", number.clone());
    let sent = sent.send().await.unwrap();
    assert_eq!(
        sent.sequence_number(),
        None,
        "a standard queue has no sequence numbers"
    );
    assert!(sent.md5_of_message_attributes().is_some());

    let received = c.receive_message().queue_url(&url).message_attribute_names("All");
    let received = received
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .wait_time_seconds(5)
        .send()
        .await
        .unwrap();
    let [message] = received.messages() else {
        panic!("one message, not {received:?}")
    };
    assert_eq!(message.body(), Some("héllo"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(
        message.md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
    assert_eq!(message.message_attributes().unwrap()["answer"], number);
    let count = &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount];
    assert_eq!(count, "1");
    let delete = a
        .delete_message()
        .queue_url(&url)
        .receipt_handle(message.receipt_handle().unwrap());
    delete.send().await.unwrap();
}

async fn a_poll_wakes([a, b, c]: &[Client; 3]) {
    let url = create(a, "sdk-poll").await;
    let mut poll = Box::pin(b.receive_message().queue_url(&url).wait_time_seconds(20).send());
    let early = tokio::time::timeout(Duration::from_millis(500), &mut poll).await;
    assert!(early.is_err(), "a poll of an empty queue ended early: {early:?}");
    let began = Instant::now();
    let sent = c
        .send_message()
        .queue_url(&url)
        .message_body("wake up")
        .send()
        .await
        .unwrap();
    let received = poll.await.unwrap();
    assert_eq!(
        received.messages().first().and_then(|m| m.message_id()),
        sent.message_id()
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "woken only after {:?}",
        began.elapsed()
    );
}

async fn batches_fail_in_part([a, b, c]: &[Client; 3]) {
    let url = create(a, "sdk-batch").await;
    let entry = |id: &str, delay| {
        SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(id)
            .delay_seconds(delay)
            .build()
            .unwrap()
    };
    let batch = b.send_message_batch().queue_url(&url);
    let reply = batch
        .entries(entry("good", 0))
        .entries(entry("bad", 901))
        .entries(entry("fine", 0));
    let reply = reply.send().await.unwrap();
    let ids: Vec<_> = reply.successful().iter().map(|entry| entry.id()).collect();
    assert_eq!(ids, ["good", "fine"]);
    let [failed] = reply.failed() else {
        panic!("one failure, not {reply:?}")
    };
    assert_eq!(
        (failed.id(), failed.code(), failed.sender_fault()),
        ("bad", "InvalidParameterValue", true)
    );

    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let poll = c
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .wait_time_seconds(5);
        let messages = poll.send().await.unwrap().messages.unwrap_or_default();
        assert!(!messages.is_empty(), "only {bodies:?} came");
        bodies.extend(messages.into_iter().filter_map(|message| message.body));
    }
    bodies.sort();
    assert_eq!(bodies, ["fine", "good"]);
}

async fn fifo_keeps_order([a, b, c]: &[Client; 3]) {
    let url = create(a, "sdk-order.fifo").await;
    let mut before = None;
    for number in 0..5 {
        let body = number.to_string();
        let send = b
            .send_message()
            .queue_url(&url)
            .message_group_id("g")
            .message_deduplication_id(&body);
        let first = send.clone().message_body(&body).send().await.unwrap();
        let again = send.message_body(&body).send().await.unwrap();
        assert_eq!(
            first.message_id(),
            again.message_id(),
            "the second one is a duplicate"
        );
        assert_eq!(first.sequence_number(), again.sequence_number());
        let sequence: u128 = first.sequence_number().unwrap().parse().unwrap();
        assert!(before < Some(sequence), "{before:?} then {sequence}");
        before = Some(sequence);
    }
    let receive = c
        .receive_message()
        .queue_url(&url)
        .max_number_of_messages(10)
        .wait_time_seconds(5);
    let messages = receive.send().await.unwrap().messages.unwrap();
    let bodies: Vec<_> = messages.iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, ["0", "1", "2", "3", "4"]);
}

async fn errors_have_types([a, b, _]: &[Client; 3]) {
    let absent = a
        .get_queue_url()
        .queue_name("sdk-absent")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(absent.is_queue_does_not_exist(), "{absent:?}");

    let url = create(a, "sdk-errors").await;
    let delete = b.delete_message().queue_url(&url).receipt_handle("nonsense");
    let error = delete.send().await.unwrap_err().into_service_error();
    assert!(error.is_receipt_handle_is_invalid(), "{error:?}");

    let long = b.receive_message().queue_url(&url).wait_time_seconds(21);
    let error = long.send().await.unwrap_err().into_service_error();
    assert!(
        error
            .code()
            .is_some_and(|code| code.starts_with("InvalidParameterValue")),
        "{error:?}"
    );

    a.purge_queue().queue_url(&url).send().await.unwrap();
    let again = b
        .purge_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(again.is_purge_queue_in_progress(), "{again:?}");
}
