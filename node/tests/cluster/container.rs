//! What a container runtime asks of the binary: `millrace health` by its exit code, `millrace smoke` for a look whether all works.

use std::time::Duration;

use crate::harness::{Cluster, MILLRACE, poll};

/// How long a node may take to notice that it is alone.
const ALONE_LIMIT: Duration = Duration::from_secs(30);

/// How long nodes may take to close the replicas of a deleted queue.
const CLOSED_LIMIT: Duration = Duration::from_secs(30);

/// Runs the binary to its end; what it printed, or why it failed.
fn run(arguments: &[&str]) -> Result<String, String> {
    let out = std::process::Command::new(MILLRACE)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match out.status.code() {
        Some(0) => Ok(text(&out.stdout)),
        Some(1) => Err(text(&out.stderr)),
        other => panic!("{arguments:?} ended with {other:?}: {}", text(&out.stderr)),
    }
}

#[test]
fn health_tells_a_node_that_is_alone_from_one_that_is_dead() {
    let mut cluster = Cluster::start(3);
    let admin = cluster.admin(0).to_string();
    let live = || run(&["health", "--admin", &admin]);
    let ready = || run(&["health", "--ready", "--admin", &admin]);
    assert_eq!(live(), Ok("live\n".to_owned()));
    assert_eq!(ready(), Ok("ready\n".to_owned()));

    cluster.kill(1);
    cluster.kill(2);
    let reason = poll::until(ALONE_LIMIT, "a node that is not ready", || ready().err()).unwrap();
    assert!(reason.contains("is not ready"), "{reason}");
    assert_eq!(live(), Ok("live\n".to_owned()));

    cluster.kill(0);
    assert!(live().is_err_and(|reason| reason.contains("no answer from")));
}

#[test]
fn smoke_sends_receives_and_leaves_nothing_behind() {
    let mut cluster = Cluster::start(3);
    let endpoint = cluster.endpoint(1);
    let said = run(&["smoke", "--endpoint", &endpoint]).unwrap();
    let steps: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let all = [
        "CreateQueue",
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "DeleteQueue",
    ];
    assert_eq!(steps, all);
    let only_the_catalog = || {
        let groups = cluster.status(1)["groups"].as_array().map(Vec::len);
        (groups == Some(1)).then_some(())
    };
    poll::until(CLOSED_LIMIT, "the end of the queue's group", only_the_catalog).unwrap();

    cluster.kill(1);
    let reason = run(&["smoke", "--endpoint", &endpoint]).unwrap_err();
    assert!(reason.contains("CreateQueue failed"), "{reason}");
}
