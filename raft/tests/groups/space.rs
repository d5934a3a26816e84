//! The log's segments come back, whatever the groups do.

use std::sync::Arc;

use raft::store::MemoryStore;

use crate::node::{configure, messages, open, send, start};
use crate::store::Scripted;

#[tokio::test]
async fn a_quiet_group_does_not_hold_the_log_of_a_busy_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::default());
    let groups = start(dir.path(), store.clone());
    let (quiet, busy) = (open(&groups, 1).await, open(&groups, 2).await);
    configure(&quiet).await;
    configure(&busy).await;
    send(&quiet, 10).await;
    let mut worst = 0;
    for round in 0..400 {
        send(&busy, 1_000).await;
        if round % 5 == 0 {
            groups.limit_log().await;
        }
        if round > 100 {
            worst = worst.max(groups.wal().stats().live_segments);
        }
    }
    // 400 kB were written to segments of 16 kB, of which 4 may be in use without further ado.
    assert!(
        worst <= 10,
        "{worst} segments, {:?} {:?}",
        quiet.progress(),
        busy.progress()
    );

    // What went out of the log is in the checkpoints.
    groups.shutdown().await;
    groups.wal().close().await.unwrap();
    drop((groups, quiet, busy));
    let groups = start(dir.path(), store);
    let (quiet, busy) = (open(&groups, 1).await, open(&groups, 2).await);
    quiet.wait_applied(quiet.progress().last).await.unwrap();
    busy.wait_applied(busy.progress().last).await.unwrap();
    assert_eq!((messages(&quiet), messages(&busy)), (1, 400));
}

#[tokio::test]
async fn large_entries_do_not_stay_and_do_not_cause_one_checkpoint_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Scripted::default());
    let groups = start(dir.path(), store.clone());
    let group = open(&groups, 1).await;
    configure(&group).await;
    for _ in 0..40 {
        send(&group, 2_000).await;
        groups.limit_log().await;
    }
    for _ in 0..200 {
        send(&group, 1).await;
        groups.limit_log().await;
    }
    // The number of entries that openraft keeps is never reached here; their bytes are too many.
    let bytes = groups.wal().bytes_since_purge(group.id());
    assert!(bytes <= 40 << 10, "{bytes} bytes, {:?}", group.progress());
    // 16 kB are worth a checkpoint, and 80 kB and 200 small entries were written.
    let checkpoints = store.writes();
    assert!((2..=8).contains(&checkpoints), "{checkpoints} checkpoints");
}
