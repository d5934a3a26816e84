//! A group loses its majority for good, goes on with one replica, and the others come back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use raft::group::Group;
use raft::groups::Origin;
use raft::machine::MachineKind;
use raft::store::MemoryStore;

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start, stop};
use crate::node::{PATIENCE, configure, messages, send};

/// Waits until this replica leads.
async fn leads(group: &Group) {
    let leads = async {
        let mut applied = group.replica().applied();
        loop {
            let seen = group.leadership();
            if seen.leads && group.leads_with_all() {
                return;
            }
            tokio::select! {
                biased;
                () = group.leadership_changed(seen) => {}
                changed = applied.changed() => changed.unwrap(),
            }
        }
    };
    tokio::time::timeout(2 * PATIENCE, leads).await.unwrap();
}

async fn again(at: usize, dir: &Path) -> Node {
    start(NODES[at], dir, Arc::new(MemoryStore::default())).await
}

#[tokio::test]
async fn one_replica_goes_on_and_those_of_the_old_epoch_are_fenced() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let [one, two, three] = [0, 1, 2].map(|at| again(at, dirs[at].path()));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, third) = (leader.unwrap(), third.unwrap());
    tokio::time::timeout(PATIENCE, leader.wait_applied(1))
        .await
        .unwrap()
        .unwrap();
    configure(&leader).await;
    for _ in 0..5 {
        send(&leader, 100).await;
    }
    caught_up(&third, &leader, 5).await;
    drop((leader, second, third));
    stop(one).await;
    stop(two).await;

    // The third goes on alone. Doing it again changes nothing.
    assert!(
        three
            .groups
            .begin_epoch(GROUP, MachineKind::Queue, 0)
            .await
            .is_ok()
    );
    three.groups.close(GROUP).await;
    let before = three.groups.log_on_disk(GROUP).await.unwrap().unwrap();
    assert_eq!(before.epoch(), 0);
    three
        .groups
        .begin_epoch(GROUP, MachineKind::Queue, 1)
        .await
        .unwrap();
    let begun = three.groups.log_on_disk(GROUP).await.unwrap().unwrap();
    assert_eq!((begun.epoch(), begun.last.0), (1, before.last.0 + 1));
    three
        .groups
        .begin_epoch(GROUP, MachineKind::Queue, 1)
        .await
        .unwrap();
    assert_eq!(three.groups.log_on_disk(GROUP).await.unwrap(), Some(begun));
    let third = open(&three).await.unwrap();
    leads(&third).await;
    assert_eq!((third.epoch(), messages(&third)), (Some(1), 5));
    assert_eq!(third.members().0, BTreeSet::from([NODES[2]]));
    for _ in 0..3 {
        send(&third, 100).await;
    }

    // The others come back, and are a majority of the old epoch. They get nothing from the third, nor it from them.
    let (one, two) = tokio::join!(again(0, dirs[0].path()), again(1, dirs[1].path()));
    introduce(&[&one, &two, &three]);
    let (first, second) = tokio::join!(open(&one), open(&two));
    let (first, second) = (first.unwrap(), second.unwrap());
    let elected = async {
        tokio::select! {
            biased;
            () = leads(&first) => first.clone(),
            () = leads(&second) => second.clone(),
        }
    };
    let old = elected.await;
    send(&old, 100).await;
    assert_eq!((old.epoch(), messages(&old)), (Some(0), 6));
    send(&third, 100).await;
    assert_eq!((third.epoch(), messages(&third)), (Some(1), 9));
    assert!(third.leads_with_all(), "an old leader has made it follow");

    // One is told that the group goes on without it: it forgets what it has, and joins.
    drop((first, second, old));
    one.groups.leave(GROUP).await.unwrap();
    third.add_learner(NODES[0]).await.unwrap();
    let joins = one
        .groups
        .open(GROUP, MachineKind::Queue, &[NODES[2]], None, Origin::Joins);
    let first = joins.await.unwrap();
    third
        .set_members(BTreeSet::from([NODES[0], NODES[2]]))
        .await
        .unwrap();
    send(&third, 100).await;
    caught_up(&first, &third, 10).await;
    assert_eq!(first.epoch(), Some(1));
    // The other one still speaks in the old epoch, and hears that there is a new one as soon as somebody speaks to it.
    third.add_learner(NODES[1]).await.unwrap();
    let second = two.groups.get(GROUP).unwrap();
    let epoch = tokio::time::timeout(PATIENCE, second.superseded()).await;
    assert_eq!(epoch.unwrap(), 1);
    assert_eq!(messages(&second), 6);
    assert!(third.leads_with_all());
    for node in [&one, &two, &three] {
        node.groups.check().unwrap();
    }
}
