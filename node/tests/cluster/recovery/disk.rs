//! A disk that takes no more, as far as that can be had without privileges: the kernel refuses a
//! process to write beyond a file size, which it is told while the node runs.

use std::time::Duration;

use super::{create, receive_exactly, send_each};
use crate::harness::{Balancer, Cluster, client_within};

/// The log's first segment grows beyond it soon, what the node prints does not.
const FILE_BYTES_MAX: u64 = 96 * 1024;
const END_LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_ends_and_the_others_go_on() {
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let client = client_within(
        balancer.endpoint(),
        Duration::from_secs(5),
        Duration::from_secs(30),
    );
    let url = create(&client, "full.fifo", 30).await;
    let body = |n: usize| format!("{n:05} {}", "z".repeat(1000));
    let mut sent = send_each(&client, &url, (0..5).map(body)).await;

    let leader = cluster.leader_of("full.fifo");
    cluster.limit_files(leader, FILE_BYTES_MAX);
    sent.extend(send_each(&client, &url, (5..200).map(body)).await);
    let status = cluster.await_end(leader, END_LIMIT);
    assert_eq!(status.code(), Some(1));
    let log = cluster.log(leader);
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with("millrace: ") && last.contains("File too large"),
        "{last}"
    );

    // With room again, it comes back with all that it had acknowledged.
    cluster.restart(&[leader]);
    cluster.await_caught_up();
    receive_exactly(&client, &url, &sent).await;
}
