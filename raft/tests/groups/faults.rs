//! A replica that cannot go on says so; one that was closed does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use raft::group::NotDone;
use raft::machine::Delta;
use raft::store::{MemoryStore, Store};
use raft::types::GroupId;
use tokio_util::sync::CancellationToken;

use crate::node::{PATIENCE, configure, open, send, start};
use crate::store::Scripted;

#[tokio::test]
async fn a_failed_checkpoint_ends_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Scripted::default());
    let groups = start(dir.path(), store.clone());
    let (failing, other) = (open(&groups, 1).await, open(&groups, 2).await);
    configure(&failing).await;
    groups.check().unwrap();
    store.fail();
    for _ in 0..20 {
        send(&failing, 1_000).await;
    }
    let applied = failing.progress().applied;
    let maintained = groups.maintain(CancellationToken::new());
    let fault = tokio::time::timeout(PATIENCE, maintained)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(fault.group, GroupId(1));

    // The rest of the node finds out, too, and does not spin.
    assert!(!failing.leadership().leads && !failing.leads_with_lease());
    assert!(other.leadership().leads);
    assert_eq!(failing.wait_applied(applied + 1).await, Err(NotDone::Stopped));
    assert_eq!(failing.wait_applied(applied).await, Ok(()));
    let seen = failing.leadership();
    assert!(failing.leadership_changed(seen).now_or_never().is_none());
}

#[tokio::test]
async fn who_waits_for_another_leader_hears_of_the_end_of_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let groups = start(dir.path(), Arc::new(MemoryStore::default()));
    let group = open(&groups, 1).await;
    let seen = group.leadership();
    let (removed, ()) = tokio::time::timeout(PATIENCE, async {
        tokio::join!(groups.remove(group.id()), group.leadership_changed(seen))
    })
    .await
    .unwrap();
    removed.unwrap();
    assert!(group.fault().is_some());
    groups.check().unwrap();
}

#[tokio::test]
async fn a_checkpoint_without_a_log_is_found_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::default());
    let whole = Delta {
        clear: true,
        ..Delta::default()
    };
    store.write(GroupId(9), Bytes::new(), whole).unwrap();
    let groups = start(dir.path(), store.clone());
    let group = open(&groups, 1).await;
    assert_eq!(
        groups.on_disk().await.unwrap(),
        BTreeSet::from([GroupId(1), GroupId(9)])
    );
    groups.remove(GroupId(9)).await.unwrap();
    groups.remove(group.id()).await.unwrap();
    assert!(groups.on_disk().await.unwrap().is_empty());
    assert!(store.groups().unwrap().is_empty());
}
