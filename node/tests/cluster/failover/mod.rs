//! Nothing acknowledged is lost, doubled, reordered or shown twice, whatever dies.
//!
//! Producers and consumers use the Rust SDK through a load balancer that also loses replies, while nodes
//! are killed. Everything they see is recorded and checked afterwards; `checks` holds the rules.

mod calls;
mod checks;
mod history;
mod recorder;
mod traffic;

use std::time::Duration;

pub(crate) use calls::Queue;
pub(crate) use checks::violations;
use recorder::Recorder;
use tokio::time::timeout;
pub(crate) use traffic::Traffic;

use crate::harness::{Balancer, Cluster, client, client_within};

/// Leaders that die, one after the other.
const KILLS: usize = 4;
/// Sends that each queue must acknowledge between a death and the next event.
const PROGRESS: usize = 60;
const PROGRESS_LIMIT: Duration = Duration::from_secs(60);
/// One in so many replies never reaches the client.
const LOSE_EVERY: usize = 40;
/// Violations to print.
const SHOWN: usize = 20;
/// Longer than a client's call, so that a reply never arrives after its messages' timeout.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(12);
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(4);
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn leaders_die_under_load() {
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::losing(cluster.spare_address(), cluster.addresses(), LOSE_EVERY).await;
    let client = client_within(balancer.endpoint(), ATTEMPT_LIMIT, CALL_LIMIT);
    let queues = [
        Queue::create(&client, "survivor", VISIBILITY).await,
        Queue::create(&client, "survivor.fifo", VISIBILITY).await,
    ];
    let traffic = queues.each_ref().map(|queue| Traffic::start(&client, queue));

    for round in 0..KILLS {
        progress(&traffic).await;
        let victim = cluster.leader_of(queues[round % queues.len()].name);
        eprintln!("round {round}: node {} dies", victim + 1);
        cluster.kill(victim);
        progress(&traffic).await;
        cluster.restart(&[victim]);
    }
    progress(&traffic).await;

    let mut found = Vec::new();
    for (traffic, queue) in traffic.into_iter().zip(&queues) {
        let history = traffic.drain().await;
        let unknown = history
            .sends
            .iter()
            .filter(|send| send.acknowledged.is_none())
            .count();
        eprintln!(
            "{}: {} sends, of these {unknown} of unknown fate, {} deliveries, {} deletes",
            queue.name,
            history.sends.len(),
            history.deliveries.len(),
            history.deletes.len(),
        );
        found.extend(
            violations(&history)
                .into_iter()
                .map(|v| format!("{}: {v}", queue.name)),
        );
    }
    let some = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} violations, such as\n{some}", found.len());
    // Without a lost reply no retry was put to the test.
    assert!(balancer.lost() > 0, "the balancer lost no reply");
}

/// Waits until every queue has acknowledged some more sends.
pub(crate) async fn progress(traffic: &[Traffic]) {
    for one in traffic {
        let more = one.recorder.acknowledged() + PROGRESS;
        timeout(PROGRESS_LIMIT, one.recorder.acknowledges(more))
            .await
            .unwrap_or_else(|_| panic!("{} takes no messages", one.name));
    }
}

/// The whole cluster loses power: what was acknowledged is on disk.
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_die_at_once() {
    let mut cluster = Cluster::start(3);
    let sender = client(&cluster.endpoint(0));
    let queue = Queue::create(&sender, "blackout.fifo", VISIBILITY).await;
    let recorder = Recorder::new(VISIBILITY);
    for number in 0..100 {
        calls::send(
            &sender,
            &queue,
            &recorder,
            format!("m-{number}"),
            format!("g-{}", number % 3),
        )
        .await;
    }
    assert_eq!(
        recorder.acknowledged(),
        100,
        "a healthy cluster takes every message"
    );

    (0..3).for_each(|i| cluster.kill(i));
    cluster.restart(&[0, 1, 2]);
    let history = traffic::receive_all(&client(&cluster.endpoint(1)), &queue, recorder).await;
    assert_eq!(violations(&history), Vec::<String>::new());
}

/// Nodes stop politely one by one, as in an upgrade; the queue serves all the while.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_restarted_one_by_one() {
    let mut cluster = Cluster::start(3);
    let balancer = Balancer::start(cluster.spare_address(), cluster.addresses()).await;
    let client = client_within(balancer.endpoint(), ATTEMPT_LIMIT, CALL_LIMIT);
    let queue = Queue::create(&client, "upgraded", VISIBILITY).await;
    let traffic = [Traffic::start(&client, &queue)];
    for i in 0..3 {
        progress(&traffic).await;
        cluster.terminate(i);
        progress(&traffic).await;
        cluster.restart(&[i]);
    }
    let [traffic] = traffic;
    assert_eq!(violations(&traffic.drain().await), Vec::<String>::new());
}
