//! Rolling upgrades and roll-backs under load, between the level before and this one.
//!
//! Without `MILLRACE_BINARY_BEFORE`, the binary under test stands in for the one before: it acts as
//! one that knows no levels.

use std::time::Duration;

use serde_json::Value;

use crate::failover::{ATTEMPT_LIMIT, CALL_LIMIT, Queue, Traffic, VISIBILITY, progress, violations};
use crate::harness::{Balancer, Cluster, Release, client_within, poll};

/// How long levels may take to be everywhere.
const LEVEL_LIMIT: Duration = Duration::from_secs(60);
/// How long a node may take to find out that it is refused.
const REFUSED_LIMIT: Duration = Duration::from_secs(60);

/// `millrace cluster upgrade`, asked of node `i`.
fn levels(cluster: &Cluster, i: usize, flags: &[&str]) -> Value {
    let arguments: Vec<&str> = std::iter::once("upgrade").chain(flags.iter().copied()).collect();
    cluster
        .operate(i, &arguments)
        .unwrap_or_else(|reason| panic!("{reason}"))
}

/// Restarts the nodes one by one with another version, under load.
async fn roll(cluster: &mut Cluster, release: Release, traffic: &[Traffic], hold: bool) {
    for i in 0..3 {
        progress(traffic).await;
        cluster.terminate(i);
        progress(traffic).await;
        cluster.run_as(i, release);
        cluster.restart(&[i]);
        if hold && i == 0 {
            let held = levels(cluster, i, &["--hold"]);
            assert_eq!(held["held"], true, "{held:#}");
        }
    }
    progress(traffic).await;
}

/// Each node leads each queue once, so that each has to be right about their states.
async fn lead_in_turn(cluster: &Cluster, queues: &[Queue], traffic: &[Traffic]) {
    for node in 0..3 {
        for queue in queues {
            let status = cluster.status(node);
            let groups = status["groups"].as_array().expect("groups");
            let name = format!("/{}", queue.name);
            let of_queue = groups
                .iter()
                .filter(|group| group["queue"].as_str().is_some_and(|full| full.ends_with(&name)));
            for group in of_queue {
                let (id, to) = (group["id"].to_string(), (node + 1).to_string());
                poll::until(LEVEL_LIMIT, "a leader to be moved", || {
                    cluster.operate(0, &["transfer", &id, &to]).ok()
                })
                .unwrap_or_else(|reason| panic!("{reason}"));
            }
        }
        progress(traffic).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_upgraded_and_rolled_back_under_load() {
    // Small, so that states travel and checkpoints are written by both versions.
    let flags = ["--checkpoint-bytes", "65536"];
    let mut cluster = Cluster::start_as(Release::Before, 3, &flags);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let client = client_within(balancer.endpoint(), ATTEMPT_LIMIT, CALL_LIMIT);
    let queues = [
        Queue::create(&client, "rolled", VISIBILITY).await,
        Queue::create(&client, "rolled.fifo", VISIBILITY).await,
    ];
    let traffic = queues.each_ref().map(|queue| Traffic::start(&client, queue));

    // There and back again while the level is held, and there once more.
    roll(&mut cluster, Release::Current, &traffic, true).await;
    let held = levels(&cluster, 2, &[]);
    assert_eq!(
        (&held["level"], &held["held"]),
        (&0.into(), &true.into()),
        "{held:#}"
    );
    lead_in_turn(&cluster, &queues, &traffic).await;
    roll(&mut cluster, Release::Before, &traffic, false).await;
    roll(&mut cluster, Release::Current, &traffic, true).await;
    assert_eq!(levels(&cluster, 1, &[])["level"], 0);

    // Released, it rises by itself, in all groups.
    levels(&cluster, 1, &["--release"]);
    let mut seen = Value::Null;
    let risen = poll::until(LEVEL_LIMIT, "the level to rise", || {
        seen = levels(&cluster, 0, &[]);
        (seen["level"] == 1 && seen["groups_below"] == 0).then_some(())
    });
    risen.unwrap_or_else(|reason| panic!("{reason}: {seen:#}"));
    progress(&traffic).await;
    lead_in_turn(&cluster, &queues, &traffic).await;

    // Now the version before refuses to start, and leaves what is there.
    cluster.terminate(2);
    cluster.run_as(2, Release::Before);
    cluster.launch(2);
    let ended = cluster.await_end(2, REFUSED_LIMIT);
    assert!(
        !ended.success(),
        "a version that cannot read the folder has started"
    );
    let log = cluster.log(2);
    let (own, old) = (
        "has level 1, and this node knows levels up to 0",
        "format 2, this version reads 1",
    );
    assert!(log.contains(own) || log.contains(old), "{log}");
    progress(&traffic).await;
    cluster.run_as(2, Release::Current);
    cluster.restart(&[2]);
    progress(&traffic).await;

    for (traffic, queue) in traffic.into_iter().zip(&queues) {
        let history = traffic.drain().await;
        let failed = history
            .sends
            .iter()
            .filter(|send| send.acknowledged.is_none())
            .count();
        eprintln!(
            "{}: {} sends, {failed} failed beyond the SDK's retries, {} deliveries",
            queue.name,
            history.sends.len(),
            history.deliveries.len(),
        );
        assert_eq!(violations(&history), Vec::<String>::new(), "{}", queue.name);
        assert_eq!(
            failed, 0,
            "{}: a send failed beyond the SDK's retries",
            queue.name
        );
    }
    cluster.await_caught_up();
}
