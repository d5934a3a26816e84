//! A text, line by line, through a queue by boto3, while leaders die on the way in and on the way out.
//!
//! Every line must come out: as many times as it went in, and on a FIFO queue in the same order.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::{Balancer, Cluster, venv};

#[tokio::test(flavor = "multi_thread")]
async fn words_through_a_standard_queue() {
    survive("words", 20_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_through_a_fifo_queue() {
    survive("words.fifo", 4_000).await;
}

/// How many lines to take instead, for a longer run by hand; 0 means all there are.
const LINES: &str = "MILLRACE_TEST_LINES";

/// Runs the script, which says where it is, and kills the queue's leader halfway in and halfway out.
async fn survive(queue: &str, lines: usize) {
    let lines = std::env::var(LINES).unwrap_or_else(|_| lines.to_string());
    let mut command = venv::script("words.py");
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    command.args([balancer.endpoint(), "--queue", queue, "--lines", &lines]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the installed Python runs");
    let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));

    // Reading blocks, the balancer must go on meanwhile.
    let (mut deaths, status) = tokio::task::block_in_place(|| {
        let (mut deaths, mut dead) = (Vec::new(), None);
        for line in output.lines().map_while(Result::ok) {
            println!("{line}");
            match line.as_str() {
                "half sent" | "half received" => {
                    let leader = cluster.leader_of(queue);
                    cluster.kill(leader);
                    dead = Some(leader);
                    deaths.push(line);
                }
                "all sent" => cluster.restart(&dead.take().into_iter().collect::<Vec<_>>()),
                _ => {}
            }
        }
        (deaths, child.wait().expect("our own child can be awaited"))
    });
    assert!(status.success(), "words.py ended with {status}");
    deaths.sort();
    assert_eq!(
        deaths,
        ["half received", "half sent"],
        "the leader was to die twice"
    );
}
