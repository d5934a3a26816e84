//! The log of a quarantined replica makes way for the others, and is back when the replica is tried again.

use std::path::Path;
use std::sync::Arc;

use raft::groups::Groups;
use raft::machine::MachineKind;
use raft::planted::{Bug, POISON, plant};
use raft::quarantine::Cause;
use raft::store::MemoryStore;
use raft::types::GroupId;

use crate::node::{configure, messages, open, options, send, send_body, start};

const BROKEN: GroupId = GroupId(1);
/// Many times what the log may have.
const SENDS: usize = 200;

/// A replica with a vote, a purged beginning and entries, which is quarantined.
async fn broken(groups: &Arc<Groups>) -> u64 {
    let group = open(groups, BROKEN.0).await;
    configure(&group).await;
    let mut sent = 0;
    while group.progress().first == 0 {
        send(&group, 1_000).await;
        groups.limit_log().await;
        sent += 1;
        assert!(sent < 1_000, "nothing is purged");
    }
    for _ in 0..5 {
        send(&group, 1_000).await;
    }
    plant(Some(Bug::PoisonPanics));
    let poisoned = send_body(&group, POISON).await;
    assert!(poisoned.is_err(), "{poisoned:?}");
    drop(group);
    groups.tend_faults().await.unwrap();
    let quarantine = groups.quarantine_of(BROKEN).unwrap();
    assert_eq!(quarantine.broken.cause, Cause::Entry);
    // With the poisoned one.
    sent + 6
}

/// Others write many times what the log may have. Returns the segments that are in use then.
async fn press(groups: &Arc<Groups>) -> u64 {
    let other = open(groups, 2).await;
    if other.progress().applied < 3 {
        configure(&other).await;
    }
    for _ in 0..SENDS {
        send(&other, 1_000).await;
        groups.limit_log().await;
    }
    groups.wal().stats().live_segments
}

fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("quarantine").join("1.log")
}

async fn end(groups: Arc<Groups>) {
    groups.shutdown().await;
    groups.wal().close().await.unwrap();
}

#[tokio::test]
async fn a_quarantined_log_pins_nothing_and_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::default());
    let groups = start(dir.path(), store.clone());
    let sent = broken(&groups).await;
    let budget = options().wal.live_segments_budget as u64;
    let in_use = press(&groups).await;
    assert!(in_use <= 2 * budget, "{in_use} segments are in use");
    assert!(file(dir.path()).exists() && !groups.wal().groups().contains(&BROKEN));
    assert!(groups.on_disk().await.unwrap().contains(&BROKEN));
    end(groups).await;

    // It is still quarantined after a restart, and whoever asks for its log gets it.
    let groups = start(dir.path(), store.clone());
    assert!(groups.quarantine_of(BROKEN).is_some());
    assert!(groups.on_disk().await.unwrap().contains(&BROKEN));
    let had = groups.log_on_disk(BROKEN).await.unwrap().unwrap();
    assert!(!file(dir.path()).exists());
    let in_use = press(&groups).await;
    assert!(in_use <= 2 * budget && file(dir.path()).exists(), "{in_use}");

    // A program that copes with the entry goes on where the replica was.
    plant(None);
    assert!(groups.retry(BROKEN, false).is_some());
    let group = open(&groups, BROKEN.0).await;
    assert!(!file(dir.path()).exists());
    assert!(group.leadership().term > had.term(), "its vote is back");
    // Before this one was answered, all others were applied.
    send(&group, 100).await;
    assert_eq!(messages(&group), sent + 1);
    drop(group);
    end(groups).await;
    let groups = start(dir.path(), store);
    let group = open(&groups, BROKEN.0).await;
    send(&group, 100).await;
    assert_eq!(messages(&group), sent + 2);
}

#[tokio::test]
async fn a_damaged_file_keeps_the_replica_closed_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let groups = start(dir.path(), Arc::new(MemoryStore::default()));
    let sent = broken(&groups).await;
    press(&groups).await;
    plant(None);
    let bytes = std::fs::read(file(dir.path())).unwrap();
    for at in [3, 20, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(file(dir.path()), damaged).unwrap();
        groups.retry(BROKEN, false);
        let refused = try_open(&groups).await;
        assert!(
            refused.contains("the file of a quarantined replica's log"),
            "{refused}"
        );
        // What came back of it is no log.
        groups.limit_log().await;
        assert!(groups.get(BROKEN).is_none());
    }
    std::fs::write(file(dir.path()), &bytes[..bytes.len() - 9]).unwrap();
    groups.retry(BROKEN, false);
    assert!(try_open(&groups).await.contains("it is cut short"));
    std::fs::write(file(dir.path()), bytes).unwrap();
    groups.retry(BROKEN, false);
    let group = open(&groups, BROKEN.0).await;
    send(&group, 100).await;
    assert_eq!(messages(&group), sent + 1);
}

async fn try_open(groups: &Arc<Groups>) -> String {
    let origin = raft::groups::Origin::Learns;
    let replicas = [groups.me()];
    let opened = groups.open(BROKEN, MachineKind::Queue, &replicas, None, origin);
    let refused = opened.await.err();
    refused.map(|error| error.to_string()).unwrap_or_default()
}
