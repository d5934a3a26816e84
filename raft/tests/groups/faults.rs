//! A replica that cannot go on says so; one that was closed does not.

use std::sync::Arc;

use futures::FutureExt;
use raft::group::NotDone;
use raft::store::MemoryStore;
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
