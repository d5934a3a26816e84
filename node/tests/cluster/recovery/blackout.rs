//! All nodes lose power at once when part of the state is in checkpoints and part in the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::Message;

use super::{SMALL_CHECKPOINTS, create, delete, receive, receive_count, receive_exactly, send, send_each};
use crate::harness::{Cluster, client};

/// Longer than the deaths and the restart take on a slow machine.
const VISIBILITY: Duration = Duration::from_secs(20);
/// Together more than makes a checkpoint due.
const SENDS: usize = 500;

fn body(n: usize) -> String {
    format!("{n:05} {}", "y".repeat(500))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_die_after_checkpoints() {
    let mut cluster = Cluster::start_with(3, &SMALL_CHECKPOINTS);
    let before = client(&cluster.endpoint(0));
    let plain = create(&before, "blackout-held", VISIBILITY.as_secs()).await;
    let fifo = create(&before, "blackout-order.fifo", 30).await;
    let held_ids = send_each(&before, &plain, (0..3).map(|n| format!("held-{n}"))).await;
    let mut sent = send_each(&before, &fifo, (0..SENDS).map(body)).await;
    for i in 0..3 {
        cluster.await_checkpoint(i, "blackout-order.fifo", 100);
    }
    let began = Instant::now();
    let held = receive_all_of(&before, &plain, held_ids.len()).await;
    sent.extend(send_each(&before, &fifo, (SENDS..SENDS + 20).map(body)).await);

    (0..3).for_each(|i| cluster.kill(i));
    cluster.restart(&[0, 1, 2]);
    let after = client(&cluster.endpoint(2));
    let early = receive(&after, &plain, 10, 0).await;
    let looked_at = began.elapsed();
    assert!(
        looked_at < VISIBILITY,
        "the restart took {looked_at:?}, too long to see anything"
    );
    assert!(early.is_empty(), "shown after {looked_at:?}: {early:?}");
    for n in [0, SENDS / 2, SENDS + 19] {
        let again = send(&after, &fifo, &body(n)).await;
        assert_eq!(again, sent[&body(n)], "the deduplication window has a hole");
    }

    // A receipt of before the blackout deletes; the others come back when their time is up.
    delete(&after, &plain, &held[0]).await;
    let back = receive_all_of(&after, &plain, held.len() - 1).await;
    assert!(
        began.elapsed() >= VISIBILITY,
        "in flight for {:?} only",
        began.elapsed()
    );
    for message in &back {
        assert_eq!(receive_count(message), "2");
    }
    let ids = |messages: &[Message]| -> BTreeMap<_, _> {
        let pairs = messages
            .iter()
            .map(|m| (m.body.clone().unwrap(), m.message_id.clone().unwrap()));
        pairs.collect()
    };
    assert_eq!(ids(&back), ids(&held[1..]));
    receive_exactly(&after, &fifo, &sent).await;
}

/// Receives until so many messages have come, which stay in flight.
async fn receive_all_of(client: &aws_sdk_sqs::Client, url: &str, count: usize) -> Vec<Message> {
    let mut came = Vec::new();
    while came.len() < count {
        let messages = receive(client, url, 10, 20).await;
        assert!(!messages.is_empty(), "{} of {count} messages came", came.len());
        came.extend(messages);
    }
    came
}
