//! Links between nodes when one of them begins a new life within the same process.

use std::sync::Arc;

use raft::store::MemoryStore;

use crate::cluster::{NODES, caught_up, fill, introduce, open, start, stop};
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

/// A node that joins knows its seeds. The leader may be none of them.
#[tokio::test]
async fn a_leader_whose_address_is_unknown_says_where_its_state_is_to_be_had() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let store = Arc::new(MemoryStore::default());
    let new = |at: usize, store: &Arc<MemoryStore>| start(NODES[at], dirs[at].path(), store.clone());
    let (one, two) = (new(0, &Arc::default()).await, new(1, &Arc::default()).await);
    let three = new(2, &store).await;
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, _second, third) = (leader.unwrap(), second.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    let mut sent = fill(&leader, &[&one, &two, &three], || third.progress().first > 0).await;
    let missed = third.progress().last;
    drop(third);
    stop(three).await;
    let purged = || leader.progress().first > missed + 5;
    sent += fill(&leader, &[&one, &two], purged).await;

    let three = new(2, &store).await;
    for node in [&one, &two] {
        node.peers.set_address(NODES[2], &three.address);
    }
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, sent).await;
    assert_eq!(three.peers.address(NODES[0]), Some(one.address.clone()));
}
