//! Who belongs to a cluster: wiped nodes do not, new ones do.

use std::fs;
use std::time::Duration;

use super::{create, receive_exactly, send_each};
use crate::harness::{Cluster, client};

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

    cluster.terminate(new);
    cluster.restart(&[new]);
}
