//! A group moves away from a node and back to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use raft::group::{Group, OpenError};
use raft::groups::Origin;
use raft::machine::MachineKind;
use raft::store::MemoryStore;
use raft::types::NodeId;

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start};
use crate::node::{PATIENCE, configure, messages, send};

async fn join(node: &Node) -> Result<Arc<Group>, OpenError> {
    node.groups
        .open(GROUP, MachineKind::Queue, &NODES, None, Origin::Joins)
        .await
}

/// It has forgotten what it promised. A state that any replica could give might be older than what it helped to make durable.
#[tokio::test]
async fn who_comes_back_waits_for_what_the_leader_has_confirmed() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let [one, two, three] =
        [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), Arc::new(MemoryStore::default())));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, second) = (leader.unwrap(), second.unwrap());
    tokio::time::timeout(PATIENCE, leader.wait_applied(1))
        .await
        .unwrap()
        .unwrap();
    configure(&leader).await;
    for _ in 0..10 {
        send(&leader, 100).await;
    }

    drop(third.unwrap());
    let rest = BTreeSet::from([NODES[0], NODES[1]]);
    leader.set_members(rest.clone()).await.unwrap();
    assert_eq!(leader.settled_members(), Some(rest));
    three.groups.leave(GROUP).await.unwrap();
    assert!(
        three.groups.on_disk().await.unwrap().is_empty(),
        "it kept something"
    );
    caught_up(&second, &leader, 10).await;

    // The follower has everything, and is not asked to vouch for it.
    let [_, other] = [&one, &two].map(|node| node.address.clone());
    three.peers.set_address(NODES[0], "127.0.0.1:1");
    assert_eq!(three.peers.address(NODES[1]), Some(other));
    assert!(matches!(join(&three).await, Err(OpenError::NoState(GROUP))));
    assert!(three.groups.get(GROUP).is_none(), "it takes part in nothing");

    introduce(&[&one, &three]);
    let third = join(&three).await.unwrap();
    assert_eq!(messages(&third), 10);
    assert!(!third.votes(), "it is no member yet");
    leader.add_learner(NODES[2]).await.unwrap();
    leader.set_members(BTreeSet::from(NODES)).await.unwrap();
    send(&leader, 100).await;
    caught_up(&third, &leader, 11).await;
    assert_eq!(
        leader.settled_members(),
        Some(NODES.into_iter().collect::<BTreeSet<NodeId>>())
    );
    for node in [&one, &two, &three] {
        node.groups.check().unwrap();
    }
}
