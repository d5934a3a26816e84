//! Segments come back when nobody needs their entries, and never speak of an earlier life.

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::WalError;

use crate::disk::TestDisk;
use crate::support::{append, done, entries, open, segments, vote};

fn purge(wal: &raft::wal::Wal, group: u64, last: u64) {
    let description = Bytes::from(format!("purged {last}"));
    wal.group(GroupId(group))
        .purge(LogIndex(last), description)
        .unwrap();
}

#[tokio::test]
async fn purged_segments_are_reused_and_quiet_marks_survive() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TestDisk::default();
    let wal = disk.open_wal(dir.path());
    // Quiet from here on: a vote, a purge mark and nothing else.
    vote(&wal.group(GroupId(1)), "quiet vote");
    append(&wal.group(GroupId(1)), 1, &["quiet"]);
    purge(&wal, 1, 1);
    vote(&wal.group(GroupId(3)), "to be forgotten");
    wal.forget(GroupId(3)).await.unwrap();

    let busy = wal.group(GroupId(2));
    let body = "y".repeat(700);
    for index in 1..=1_000 {
        append(&busy, index, &[&body]);
        if index % 10 == 0 {
            purge(&wal, 2, index - 5);
        }
        // A crash at any time finds everything that is needed and nothing that is not.
        if index % 97 == 0 {
            vote(&busy, "all before this is durable");
            let folder = disk.crash(dir.path());
            let crashed = open(folder.path());
            assert!(entries(&crashed, 2) == entries(&wal, 2));
            assert_eq!(crashed.group(GroupId(1)).vote().unwrap(), "quiet vote");
            assert_eq!(
                crashed.group(GroupId(1)).purged(),
                Some((LogIndex(1), Bytes::from("purged 1")))
            );
            assert_eq!(crashed.groups(), [GroupId(1), GroupId(2)]);
        }
    }
    assert!(wal.stats().live_segments <= 3, "{:?}", wal.stats());
    assert!(segments(dir.path()).len() <= 7, "{:?}", segments(dir.path()));
    assert!(wal.pressure().is_empty());
}

#[tokio::test]
async fn pressure_names_who_holds_the_oldest_segments() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    append(&wal.group(GroupId(1)), 1, &["held"]);
    let body = "y".repeat(700);
    for index in 1..=100 {
        append(&wal.group(GroupId(2)), index, &[&body]);
        purge(&wal, 2, index);
    }
    assert!(wal.stats().live_segments > 3);
    assert_eq!(wal.pressure(), [GroupId(1)]);
    assert_eq!(wal.bytes_since_purge(GroupId(1)), 4);
    assert_eq!(wal.bytes_since_purge(GroupId(2)), 0);
    let in_use = wal.stats().live_segments * wal.segment_bytes();
    assert_eq!(wal.holds(), [(GroupId(1), in_use)]);

    purge(&wal, 1, 1);
    append(&wal.group(GroupId(2)), 101, &["a", "b"]);
    append(&wal.group(GroupId(2)), 103, &["c"]);
    assert!(wal.pressure().is_empty());
    assert!(wal.stats().live_segments <= 2);
    let holds = wal.holds();
    assert_eq!((holds.len(), holds[0].0), (1, GroupId(2)));
    assert!(holds[0].1 <= 2 * wal.segment_bytes(), "{holds:?}");
}

#[tokio::test]
async fn an_idle_log_lets_go_of_what_only_marks_hold() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    let body = "y".repeat(700);
    for index in 1..=200 {
        // A mark in each of many segments.
        vote(&wal.group(GroupId(index)), "quiet vote");
        append(&wal.group(GroupId(1_000)), index, &[&body]);
    }
    assert!(wal.stats().live_segments > 3);
    purge(&wal, 1_000, 200);
    // Nothing is written any more.
    let freed = async {
        while wal.stats().live_segments > 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, freed).await.unwrap();

    wal.close().await.unwrap();
    let again = open(dir.path());
    for group in 1..=200 {
        assert_eq!(again.group(GroupId(group)).vote().unwrap(), "quiet vote");
    }
}

#[tokio::test]
async fn old_entries_are_read_from_disk_and_bounded_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    let log = wal.group(GroupId(1));
    for index in 1..=60 {
        append(&log, index, &[&format!("{index:0>500}")]);
    }
    let run = log.read(5..40, 1_600).unwrap();
    assert_eq!((run.first, run.bodies.len()), (LogIndex(5), 3));
    assert_eq!(run.bodies[2], format!("{:0>500}", 7));
    assert_eq!(log.read(5..40, 0).unwrap().bodies.len(), 1);
    assert_eq!(log.read(58..99, usize::MAX).unwrap().bodies.len(), 3);
    assert!(log.read(61..99, usize::MAX).unwrap().bodies.is_empty());
    assert_eq!(entries(&wal, 1).len(), 60);
}

#[tokio::test]
async fn what_cannot_be_appended_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    let log = wal.group(GroupId(1));
    append(&log, 4, &["a"]);
    let gap = log.append(LogIndex(6), vec![Bytes::new()], done().0);
    assert!(matches!(gap, Err(WalError::Gap { .. })));
    let large = log.append(LogIndex(5), vec![Bytes::from(vec![0; 20_000])], done().0);
    assert!(matches!(large, Err(WalError::TooLarge { bytes: 20_000 })));
    append(&log, 5, &["b"]);
    wal.forget(GroupId(1)).await.unwrap();
    let forgotten = log.append(LogIndex(6), vec![Bytes::new()], done().0);
    assert!(matches!(forgotten, Err(WalError::Forgotten(GroupId(1)))));
    append(&wal.group(GroupId(1)), 1, &["another life"]);
    wal.close().await.unwrap();
    let closed = wal
        .group(GroupId(1))
        .append(LogIndex(2), vec![Bytes::new()], done().0);
    assert!(matches!(closed, Err(WalError::Closed)));
    assert_eq!(entries(&open(dir.path()), 1), [(1, "another life".into())]);
}
