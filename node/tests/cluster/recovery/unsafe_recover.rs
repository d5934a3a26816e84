//! Queues and a catalog whose majority is lost for good: what a survivor had is there, and nodes that come back are fenced.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{create, receive_exactly, send_each};
use crate::harness::{Cluster, MILLRACE, client, client_within, poll};

/// How long a group may take until it has all its replicas again.
const WHOLE_LIMIT: Duration = Duration::from_secs(90);
/// Calls that cannot succeed are not waited for long.
const CALL_LIMIT: Duration = Duration::from_secs(8);

fn bodies(name: &str) -> impl Iterator<Item = String> {
    let name = name.to_owned();
    (0..20).map(move |n| format!("{name}-{n:02}"))
}

fn group(cluster: &Cluster, asked: usize, queue: &str) -> Value {
    let status = cluster.operate(asked, &["status"]).unwrap_or_default();
    let mut groups = status["groups"].as_array().into_iter().flatten();
    let is_ours = |group: &&Value| {
        let full = group["queue"].as_str();
        full.and_then(|full| full.rsplit('/').next()) == Some(queue)
    };
    groups.find(is_ours).cloned().unwrap_or_default()
}

fn replicas(group: &Value) -> Vec<usize> {
    let replicas = group["replicas"].as_array().into_iter().flatten();
    replicas
        .filter_map(|node| Some(node.as_u64()? as usize - 1))
        .collect()
}

/// Waits until a queue has three replicas that answer, a leader, and nothing on its way.
fn await_whole(cluster: &Cluster, asked: usize, queue: &str) {
    poll::until(WHOLE_LIMIT, &format!("{queue} to have three replicas"), || {
        let group = group(cluster, asked, queue);
        let lag = group["lag"].as_object().map_or(0, serde_json::Map::len);
        let is_settled = group["moving"].as_array().is_none_or(Vec::is_empty);
        (replicas(&group).len() == 3 && lag == 3 && is_settled && group["leader"].is_u64()).then_some(())
    })
    .unwrap_or_else(|reason| panic!("{reason}: {:#}", group(cluster, asked, queue)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_goes_on_with_the_only_replica_that_is_left() {
    let mut cluster = Cluster::start(5);
    let url = create(&client(&cluster.endpoint(0)), "bereft", 30).await;
    let sent = send_each(&client(&cluster.endpoint(0)), &url, bodies("before")).await;
    cluster.await_caught_up();
    cluster.await_level(0);
    let refused = cluster.operate(0, &["unsafe-recover", "bereft", "--yes"]);
    assert!(
        refused.as_ref().is_err_and(|e| e.contains("has a majority")),
        "{refused:?}"
    );

    let had = replicas(&group(&cluster, 0, "bereft"));
    let survivor = had[2];
    cluster.kill(had[0]);
    cluster.kill(had[1]);
    let other = (0..5).find(|node| !had.contains(node)).unwrap();
    let here = client_within(&cluster.endpoint(other), CALL_LIMIT, CALL_LIMIT);
    let stuck = here
        .send_message()
        .queue_url(&url)
        .message_body("lost")
        .send()
        .await;
    assert!(stuck.is_err(), "two of three replicas are gone: {stuck:?}");
    let planned = cluster.operate(other, &["unsafe-recover", "bereft", "--dry-run"]);
    assert!(planned.is_ok(), "{planned:?}");
    assert_eq!(
        replicas(&group(&cluster, other, "bereft")),
        had,
        "nothing was done"
    );

    cluster
        .operate(other, &["unsafe-recover", "bereft", "--yes"])
        .unwrap();
    let here = client(&cluster.endpoint(other));
    let more = send_each(&here, &url, bodies("after")).await;
    await_whole(&cluster, other, "bereft");
    let now = replicas(&group(&cluster, other, "bereft"));
    assert!(now.contains(&survivor), "{now:?}");

    // The old majority comes back. It knows nothing of what was sent since, and must not be heard.
    cluster.restart(&had[..2]);
    let all = sent.into_iter().chain(more).collect();
    receive_exactly(&client(&cluster.endpoint(had[0])), &url, &all).await;
    await_whole(&cluster, other, "bereft");
}

/// Says whether `unsafe-recover catalog` of a stopped node went well, and what it said.
fn recover_catalog(cluster: &Cluster, node: usize, flag: &str) -> (bool, String) {
    let data = cluster.data(node).display().to_string();
    let mut command = Command::new(MILLRACE);
    command.args(["cluster", "unsafe-recover", "catalog", "--data-dir", &data, flag]);
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.success(), said)
}

/// The lost nodes are a majority of the old catalog, and no members of the new one: nobody speaks to
/// them. They speak to the survivor, and learn from its refusals that they are to give up.
#[tokio::test(flavor = "multi_thread")]
async fn lost_nodes_that_were_taken_out_do_not_go_on_by_themselves() {
    let mut cluster = Cluster::start(3);
    let url = create(&client(&cluster.endpoint(0)), "left-behind", 30).await;
    let sent = send_each(&client(&cluster.endpoint(0)), &url, bodies("before")).await;
    cluster.await_caught_up();
    cluster.await_level(0);
    (0..3).for_each(|node| cluster.kill(node));
    let (done, said) = recover_catalog(&cluster, 0, "--yes");
    assert!(done, "{said}");
    cluster.restart(&[0]);
    recover_all(&cluster);
    for lost in ["2", "3"] {
        poll::until(WHOLE_LIMIT, "a lost node to be taken out", || {
            cluster.operate(0, &["remove", lost, "--lost"]).ok()
        })
        .unwrap();
    }

    cluster.launch(1);
    cluster.launch(2);
    for node in [1, 2] {
        let ended = || {
            let is_told = cluster.log(node).contains("was taken out of the cluster");
            (is_told && !cluster.is_ready(node)).then_some(())
        };
        poll::until(WHOLE_LIMIT, "a node to know that it was taken out", ended)
            .unwrap_or_else(|reason| panic!("{reason}: {}", cluster.log(node)));
    }
    receive_exactly(&client(&cluster.endpoint(0)), &url, &sent).await;
}

/// The catalog first takes all groups for unsettled: an order that was decided on before that is refused.
fn recover_all(cluster: &Cluster) {
    let recover = || cluster.operate(0, &["unsafe-recover", "all", "--yes"]).ok();
    poll::until(WHOLE_LIMIT, "the queue to be recovered", recover).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_on_with_the_only_node_that_is_left() {
    let mut cluster = Cluster::start(3);
    let url = create(&client(&cluster.endpoint(0)), "all-alone", 30).await;
    let sent = send_each(&client(&cluster.endpoint(0)), &url, bodies("before")).await;
    cluster.await_caught_up();
    cluster.await_level(0);
    (0..3).for_each(|node| cluster.kill(node));

    let (planned, said) = recover_catalog(&cluster, 0, "--dry-run");
    assert!(planned && said.contains("epoch 0"), "{said}");
    let (done, said) = recover_catalog(&cluster, 0, "--yes");
    assert!(
        done && said.contains("goes on with the catalog in epoch 1"),
        "{said}"
    );
    cluster.restart(&[0]);
    let (running, said) = recover_catalog(&cluster, 0, "--yes");
    assert!(!running && said.contains("is the node stopped?"), "{said}");
    recover_all(&cluster);
    let here = client(&cluster.endpoint(0));
    let mut all = sent;
    all.extend(send_each(&here, &url, bodies("after")).await);
    let new = create(&here, "new-epoch", 30).await;
    let of_new = send_each(&here, &new, bodies("new")).await;
    let number = group(&cluster, 0, "new-epoch")["id"].as_u64().unwrap();
    assert!(
        number >= 1 << 32,
        "group {number} may have been another one's number"
    );

    // The lost ones come back and are a majority of the old catalog. They give that up, and join.
    cluster.restart(&[1, 2]);
    for queue in ["all-alone", "new-epoch"] {
        await_whole(&cluster, 0, queue);
    }
    cluster.await_caught_up();
    cluster.kill(0);
    let there = client(&cluster.endpoint(1));
    receive_exactly(&there, &url, &all).await;
    receive_exactly(&client(&cluster.endpoint(2)), &new, &of_new).await;
}
