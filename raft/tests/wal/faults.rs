//! A disk that fails: nothing is acknowledged, nothing is tried again.

use bytes::Bytes;
use raft::types::GroupId;
use raft::types::LogIndex;
use raft::wal::WalError;

use crate::disk::{Faults, TestDisk};
use crate::support::{append, done, entries, open};

async fn fails_for_good(switch: fn(&mut Faults, bool), says: &str, tries: u64) {
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let wal = disk.open_wal(dir.path());
    let log = wal.group(GroupId(1));
    append(&log, 1, &["durable"]);
    assert!(wal.failed().is_none());

    switch(&mut disk.faults.lock(), true);
    let (first, first_result) = done();
    let (second, second_result) = done();
    log.append(LogIndex(2), vec![Bytes::from("lost")], first).unwrap();
    // Queued before or after the failure is known: refused either way.
    let queued = log.append(LogIndex(3), vec![Bytes::from("lost")], second);
    let error = first_result.recv().unwrap().unwrap_err();
    assert!(
        matches!(&error, WalError::Failed(reason) if reason.contains(says)),
        "{error}"
    );
    match queued {
        Ok(()) => assert!(second_result.recv().unwrap().is_err()),
        Err(error) => assert!(matches!(error, WalError::Failed(_))),
    }
    assert!(matches!(wal.until_failed().await, WalError::Failed(_)));

    // The disk has recovered, the log has not: what the kernel kept of the failed write is unknown.
    switch(&mut disk.faults.lock(), false);
    assert_eq!(disk.faults.lock().tried, tries);
    assert!(log.save_vote(Bytes::from("v"), done().0).is_err());
    assert!(log.truncate_after(None).is_err());
    assert!(log.purge(LogIndex(1), Bytes::new()).is_err());
    assert!(matches!(wal.close().await, Err(WalError::Failed(_))));
    assert!(wal.failed().is_some());

    // A new process begins with what is on disk; that includes all that was acknowledged.
    let wal = open(dir.path());
    assert_eq!(entries(&wal, 1)[0], (1, "durable".to_owned()));
}

#[tokio::test]
async fn a_full_disk_ends_the_log() {
    fails_for_good(|faults, on| faults.write = on, "No space left", 1).await;
}

#[tokio::test]
async fn a_failed_sync_is_never_retried() {
    fails_for_good(|faults, on| faults.sync = on, "Input/output error", 2).await;
}
