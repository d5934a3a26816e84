//! Who belongs to a cluster: wiped nodes do not, new ones do, and a lonely one founds none.

use std::fs;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;

use super::{create, receive_exactly, send_each};
use crate::harness::{Cluster, client, raw};

/// Longer than the nodes of a cluster need to find each other.
const LONELY: Duration = Duration::from_secs(3);
const REFUSAL_LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_node_is_refused_and_a_new_one_joins() {
    let mut cluster = Cluster::start(3);
    let url = create(&client(&cluster.endpoint(0)), "membership.fifo", 30).await;
    let mut sent = send_each(&client(&cluster.endpoint(0)), &url, (0..5).map(|n| n.to_string())).await;

    cluster.kill(2);
    fs::remove_dir_all(cluster.data(2)).unwrap();
    cluster.launch(2);
    let status = cluster.await_end(2, REFUSAL_LIMIT);
    assert_eq!(status.code(), Some(1));
    let log = cluster.log(2);
    let last = log.lines().last().unwrap();
    assert!(
        last.contains("refuses this node") && last.contains("needs a new number"),
        "{last}"
    );
    let here = client(&cluster.endpoint(1));
    sent.extend(send_each(&here, &url, (5..8).map(|n| n.to_string())).await);

    let new = cluster.add(&[]);
    cluster.restart(&[new]);
    let nodes = cluster.status(new)["nodes"].clone();
    let line = nodes.as_array().unwrap().iter().find(|node| node["id"] == 4);
    let line = line.unwrap_or_else(|| panic!("no node 4 in {nodes:#}"));
    assert_eq!((&line["alive"], &line["ready"]), (&true.into(), &true.into()));

    // It has no replica of the queue, and serves it all the same.
    assert!(cluster.replica(new, "membership.fifo").is_none());
    let there = client(&cluster.endpoint(new));
    sent.extend(send_each(&there, &url, (8..9).map(|n| n.to_string())).await);
    receive_exactly(&there, &url, &sent).await;
}

/// It was no founder and knows nobody but its seeds; the state of the catalog comes from them.
#[tokio::test(flavor = "multi_thread")]
async fn a_joined_node_without_checkpoints_fetches_the_catalog() {
    // Of 300 entries of more than 100 bytes each, the last two times this much at most are kept.
    let small = ["--checkpoint-bytes", "5000"];
    let mut cluster = Cluster::start_with(3, &small);
    let here = client(&cluster.endpoint(0));
    let new = cluster.add(&small);
    cluster.restart(&[new]);
    let url = create(&here, "joined", 30).await;
    // Each change of the queue is an entry of the catalog.
    for n in 0..300 {
        let call = here.set_queue_attributes().queue_url(&url);
        let call = call.attributes(QueueAttributeName::VisibilityTimeout, n.to_string());
        call.send().await.unwrap();
    }
    cluster.await_catalog_purge(new, 50);

    cluster.kill(new);
    fs::remove_dir_all(cluster.data(new).join("checkpoints")).unwrap();
    cluster.restart(&[new]);
    assert!(
        cluster.log(new).contains("the state was fetched"),
        "nothing was lost"
    );
    let there = client(&cluster.endpoint(new));
    let asked = there.get_queue_attributes().queue_url(&url);
    let asked = asked.attribute_names(QueueAttributeName::VisibilityTimeout);
    let attributes = asked.send().await.unwrap().attributes.unwrap();
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "299");
}

#[test]
fn a_lonely_node_founds_no_cluster() {
    let mut cluster = Cluster::describe_only(3);
    cluster.launch(0);
    cluster.await_listening(0);
    std::thread::sleep(LONELY);
    assert!(!cluster.is_ready(0));
    let api = cluster.addresses()[0];

    let json = [
        ("x-amz-target", "AmazonSQS.ListQueues"),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    let answer = raw(api, "POST", "/", &json, b"{}").unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("#ServiceUnavailable\""), "{answer:?}");
    assert!(
        answer
            .head
            .contains("x-amzn-query-error: serviceunavailable;receiver"),
        "{answer:?}"
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = raw(api, "POST", "/", &form, b"Action=ListQueues&Version=2012-11-05").unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body.contains("<Code>ServiceUnavailable</Code>"),
        "{answer:?}"
    );
    assert!(answer.body.contains("<Type>Receiver</Type>"), "{answer:?}");
    cluster.terminate(0);

    // When the others come, they are a cluster together.
    cluster.restart(&[0, 1, 2]);
}
