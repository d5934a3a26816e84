//! Links between nodes when one of them begins a new life within the same process.

use std::sync::Arc;

use raft::store::MemoryStore;

use crate::cluster::{NODES, caught_up, introduce, open, start, stop};
use crate::node::{PATIENCE, configure, send};

/// No process ends, and so nothing but the node itself closes the connections of its former life.
#[tokio::test]
async fn a_follower_that_comes_back_at_another_address_is_reached_there() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let [one, two, three] = [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (one, two, mut three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, _second, mut third) = (leader.unwrap(), second.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    for life in 1..=3 {
        send(&leader, 10).await;
        caught_up(&third, &leader, life).await;
        drop(third);
        let groups = Arc::downgrade(&three.groups);
        stop(three).await;
        let let_go = async {
            while groups.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        // The log stays in use as long as anybody serves the groups of the former life.
        tokio::time::timeout(PATIENCE, let_go).await.unwrap();
        three = start(NODES[2], dirs[2].path(), stores[2].clone()).await;
        introduce(&[&one, &two, &three]);
        third = open(&three).await.unwrap();
    }
    send(&leader, 10).await;
    caught_up(&third, &leader, 4).await;
    for node in [&one, &two, &three] {
        node.groups.check().unwrap();
    }
}
