//! What `millrace status` says, as far as tests use it. This is the only place that knows its JSON.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use super::process::MILLRACE;

/// The number of the node that leads `queue`'s group, as the node behind `admin` sees it.
pub(crate) fn leader_of(admin: SocketAddr, queue: &str) -> Option<usize> {
    let out = Command::new(MILLRACE)
        .args(["status", "--output", "json", "--admin", &admin.to_string()])
        .output()
        .ok()?;
    leader_in(&serde_json::from_slice(&out.stdout).ok()?, queue)
}

fn leader_in(status: &Value, queue: &str) -> Option<usize> {
    let ours =
        |group: &&Value| group["queue"].as_str().and_then(|full| full.rsplit('/').next()) == Some(queue);
    let leader = status["groups"].as_array()?.iter().find(ours)?["leader"].as_u64()?;
    usize::try_from(leader).ok().filter(|id| *id > 0)
}

#[test]
fn finds_the_group_of_a_queue() {
    let status = serde_json::json!({"groups": [
        {"id": 0, "kind": "catalog", "leader": 1},
        {"id": 1, "kind": "queue", "queue": "000000000000/us-east-1/other-orders", "leader": 3},
        {"id": 2, "kind": "queue", "queue": "000000000000/us-east-1/orders", "leader": 2},
        {"id": 3, "kind": "queue", "queue": "000000000000/us-east-1/headless", "leader": null},
    ]});
    assert_eq!(leader_in(&status, "orders"), Some(2));
    assert_eq!(leader_in(&status, "headless"), None);
    assert_eq!(leader_in(&status, "absent"), None);
}
