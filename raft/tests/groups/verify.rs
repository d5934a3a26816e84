//! Replicas compare their states, in several slices. That one which differs is found is shown with
//! real nodes, in `node/tests/cluster/recovery/verify.rs`.

use std::sync::Arc;
use std::time::Duration;

use raft::group::{Group, Pass};
use raft::store::MemoryStore;

use crate::cluster::{NODES, Node, caught_up, introduce, open, start};
use crate::node::{PATIENCE, configure, send};

/// Of at most four slices: a replica whose disk is slow leaves out the fifth that waits.
const MESSAGES: u64 = 90;
const BODY: usize = 10_000;

/// Waits until a replica has compared as many slices as a pass had. Returns what differs.
async fn compared(group: &Group, pass: Pass) -> Option<String> {
    let compared =
        group.verification_once(|seen| seen.pass == pass.pass && seen.equal + seen.unequal == pass.slices);
    let compared = tokio::time::timeout(PATIENCE, compared).await;
    compared.map(|seen| seen.divergence).unwrap_or_else(|_| {
        panic!(
            "{pass:?}, but {:?}",
            (group.verification(), group.progress(), group.fault())
        )
    })
}

#[tokio::test]
async fn replicas_that_are_equal_are_found_to_be() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let node = async |at: usize| -> Node { start(NODES[at], dirs[at].path(), stores[at].clone()).await };
    let (one, two, three) = tokio::join!(node(0), node(1), node(2));
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, second, third) = (leader.unwrap(), second.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    for _ in 0..MESSAGES {
        send(&leader, BODY).await;
        for node in [&one, &two, &three] {
            node.groups.limit_log().await;
        }
    }
    caught_up(&third, &leader, MESSAGES).await;

    let pass = leader.verify(Duration::ZERO).await.unwrap();
    assert!((3..=4).contains(&pass.slices), "{pass:?}");
    for group in [&leader, &second, &third] {
        assert_eq!(compared(group, pass).await, None);
        assert!(group.verification().is_equal());
    }
}
