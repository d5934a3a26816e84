//! Replicas compare their states, and one that differs is found.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raft::group::{Group, Pass};
use raft::machine::{Delta, Row};
use raft::store::{MemoryStore, Store};

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start, stop};
use crate::node::{PATIENCE, configure, send};

const MESSAGES: u64 = 30;
const BODY: usize = 40_000;

/// Waits until a replica has compared as many slices as a pass had. Returns what differs.
async fn compared(group: &Group, pass: Pass) -> Option<String> {
    let compared = async {
        loop {
            let seen = group.verification();
            if seen.pass == pass.pass && seen.equal + seen.unequal == pass.slices {
                return seen.divergence;
            }
            // The digest is taken by a worker, which nobody can wait for from here.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, compared).await.unwrap()
}

/// Another letter in the body of one message, as a bug or a disk might have it.
fn spoil(store: &MemoryStore) {
    let checkpoint = store.load(GROUP).unwrap().unwrap();
    let mut rows = checkpoint.rows;
    let (_, value) = rows.iter_mut().rfind(|(_, value)| value.len() > BODY).unwrap();
    let mut spoilt = value.to_vec();
    let at = spoilt.len() - BODY / 2;
    spoilt[at] ^= 1;
    *value = Bytes::from(spoilt);
    let rows = rows.into_iter().map(Row::from).collect();
    store.write(GROUP, checkpoint.header, Delta::whole(rows)).unwrap();
}

#[tokio::test]
async fn a_replica_whose_state_differs_is_found() {
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
    }
    caught_up(&third, &leader, MESSAGES).await;

    let pass = leader.verify(Duration::ZERO).await.unwrap();
    assert!(pass.slices > 3, "{pass:?}");
    for group in [&leader, &second, &third] {
        assert_eq!(compared(group, pass).await, None);
        assert!(group.verification().is_equal());
    }

    third.checkpoint().await.unwrap();
    let is_written = async {
        while third.progress().checkpointed < third.progress().applied {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_written).await.unwrap();
    drop(third);
    stop(three).await;
    spoil(&stores[2]);
    let three = node(2).await;
    introduce(&[&one, &two, &three]);
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, MESSAGES).await;

    let pass = leader.verify(Duration::ZERO).await.unwrap();
    let differs = compared(&third, pass).await.unwrap();
    assert!(differs.contains("at the leader"), "{differs}");
    assert_eq!(third.verification().unequal, 1);
    for group in [&leader, &second] {
        assert_eq!(compared(group, pass).await, None);
    }
    // It is still known after a pass that came to nothing, and only forgotten once all is equal.
    assert!(third.verification().divergence.is_some());
}
