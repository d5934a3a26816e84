//! A replica of a node that knows fewer levels than its group uses.

use std::path::Path;
use std::sync::Arc;

use raft::command::queue::{QueueOp, SetLevel};
use raft::env::Env;
use raft::level::Level;
use raft::machine::Machine;
use raft::store::MemoryStore;

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start, start_in, stop};
use crate::node::{PATIENCE, configure, options, propose, send};
use crate::proxy::Proxy;

/// A node that acts as a binary that knows no levels.
async fn start_old(dir: &Path, store: Arc<MemoryStore>) -> Node {
    let env = Env {
        level: Level::ZERO,
        ..Env::real().unwrap()
    };
    start_in(env, NODES[2], dir, store, options()).await
}

#[tokio::test]
async fn a_replica_stops_before_an_entry_that_its_node_does_not_know() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let start_new = |at: usize| start(NODES[at], dirs[at].path(), Arc::new(MemoryStore::default()));
    let store = Arc::new(MemoryStore::default());
    let (one, two) = tokio::join!(start_new(0), start_new(1));
    let three = start_old(dirs[2].path(), store.clone()).await;
    introduce(&[&one, &two, &three]);
    let way = Proxy::to(&three.address).await;
    one.peers.set_address(NODES[2], &way.address);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, second, third) = (leader.unwrap(), second.unwrap(), third.unwrap());
    let ready = tokio::time::timeout(PATIENCE, leader.wait_applied(1));
    ready.await.unwrap().unwrap();
    configure(&leader).await;
    send(&leader, 100).await;
    let caught_up_to = leader.progress().applied;
    let follows = tokio::time::timeout(PATIENCE, third.wait_applied(caught_up_to));
    follows.await.unwrap().unwrap();

    propose(&leader, QueueOp::SetLevel(SetLevel { to: 1 })).await;
    send(&leader, 100).await;
    let stops = async {
        while third.fault().is_none() {
            let _ = third.wait_applied(u64::MAX).await;
        }
    };
    tokio::time::timeout(PATIENCE, stops).await.unwrap();
    let fault = three.groups.check().unwrap_err();
    assert_eq!(fault.group, GROUP);
    let expected =
        format!("entry {caught_up_to} of the log of {GROUP} has level 1, and this node knows levels up to 0");
    assert!(fault.reason.contains(&expected), "{}", fault.reason);
    assert_eq!(third.replica().read(Machine::level), Level::ZERO);
    assert_eq!(third.progress().applied, caught_up_to);

    // With a newer binary it goes on where it stopped.
    drop(third);
    stop(three).await;
    // As the end of its process would do.
    way.cut();
    let three = start(NODES[2], dirs[2].path(), store).await;
    introduce(&[&one, &two, &three]);
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, 2).await;
    caught_up(&second, &leader, 2).await;
    let digests = [&leader, &second, &third].map(|group| {
        group
            .replica()
            .read(|machine| (machine.level(), machine.digest()))
    });
    assert_eq!(digests[0].0, Level::ONE);
    assert_eq!(digests, [digests[0]; 3]);
}
