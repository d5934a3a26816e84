//! A leader's lease holds although its followers are restarted.

use std::sync::Arc;

use raft::store::MemoryStore;

use crate::cluster::{NODES, introduce, open, start, stop};
use crate::node::{PATIENCE, configure, send};

#[tokio::test]
async fn followers_that_restart_elect_nobody_while_their_leader_counts_on_them() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let [one, two, three] = [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let leader = leader.unwrap();
    drop((second, third));
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    send(&leader, 10).await;
    assert!(leader.leads_with_lease());

    // They come back at once, at other addresses, and neither reaches the leader nor is reached.
    tokio::join!(stop(two), stop(three));
    let [two, three] = [1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
    let (two, three) = tokio::join!(two, three);
    introduce(&[&two, &three]);
    let (second, third) = tokio::join!(open(&two), open(&three));
    let (second, third) = (second.unwrap(), third.unwrap());
    let elected = async {
        loop {
            let (at_second, at_third) = (second.leadership(), third.leadership());
            if at_second.leads || at_third.leads {
                return;
            }
            tokio::select! {
                // Either may be the one.
                biased;
                () = second.leadership_changed(at_second) => {}
                () = third.leadership_changed(at_third) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, elected).await.unwrap();
    assert!(!leader.leads_with_lease(), "two lead at the same time");
}
