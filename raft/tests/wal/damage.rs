//! A torn tail is cut; anything else that is not as it was written stops the node.

use std::fs::OpenOptions;
use std::path::Path;

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::WalError;

use crate::support::{append, copy, end_of_data, entries, flip, open, segments, try_open, vote};

fn refused(dir: &Path) -> WalError {
    match try_open(dir) {
        Ok(_) => panic!("a damaged log was opened"),
        Err(error) => error,
    }
}

/// Three batches; where each ended.
async fn three_batches(dir: &Path) -> Vec<usize> {
    let wal = open(dir);
    let log = wal.group(GroupId(7));
    let mut ends = Vec::new();
    for (first, bodies) in [(1, ["a", "b"]), (3, ["c", "d"]), (5, ["e", "f"])] {
        append(&log, first, &bodies);
        ends.push(end_of_data(&segments(dir)[0]));
    }
    wal.close().await.unwrap();
    ends
}

#[tokio::test]
async fn a_tail_cut_anywhere_loses_only_the_last_batch() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_batches(dir.path()).await;
    for end in ends[1]..=ends[2] {
        let crashed = copy(dir.path());
        let file = OpenOptions::new()
            .write(true)
            .open(&segments(crashed.path())[0])
            .unwrap();
        file.set_len(end as u64).unwrap();
        let survivors = if end == ends[2] { 6 } else { 4 };

        let wal = open(crashed.path());
        assert_eq!(entries(&wal, 7).len(), survivors, "cut at {end}");
        append(&wal.group(GroupId(7)), survivors as u64 + 1, &["new"]);
        wal.close().await.unwrap();
        let wal = open(crashed.path());
        assert_eq!(entries(&wal, 7).len(), survivors + 1);
        assert_eq!(entries(&wal, 7)[survivors].1, "new");
    }
}

#[tokio::test]
async fn pages_of_the_last_batch_may_be_lost_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_batches(dir.path()).await;
    for offset in ends[1].next_multiple_of(8)..ends[2] {
        let crashed = copy(dir.path());
        flip(&segments(crashed.path())[0], offset);
        assert_eq!(entries(&open(crashed.path()), 7).len(), 4, "flipped {offset}");
    }
}

#[tokio::test]
async fn a_bad_batch_before_a_good_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_batches(dir.path()).await;
    for offset in (4096..ends[0]).chain(ends[0].next_multiple_of(8)..ends[1]) {
        let damaged = copy(dir.path());
        let file = segments(damaged.path())[0].clone();
        flip(&file, offset);
        let error = refused(damaged.path());
        let WalError::Damaged { path, offset: at, .. } = &error else {
            panic!("flipped {offset}: {error}");
        };
        assert_eq!(path, &file);
        assert!(*at <= offset as u64 && *at >= 4096, "{error}");
        assert!(error.to_string().contains(file.to_str().unwrap()));
    }
}

/// Entries over at least four segments.
async fn many_segments(dir: &Path) {
    let wal = open(dir);
    let log = wal.group(GroupId(1));
    let body = "x".repeat(1_000);
    for index in 1..50 {
        append(&log, index, &[&body]);
    }
    wal.close().await.unwrap();
    assert!(segments(dir).len() >= 4);
}

#[tokio::test]
async fn the_last_batch_of_an_older_segment_is_no_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    let damaged = copy(dir.path());
    let oldest = segments(damaged.path())[0].clone();
    flip(&oldest, end_of_data(&oldest) - 1);
    let error = refused(damaged.path());
    assert!(matches!(&error, WalError::Damaged { path, .. } if *path == oldest));

    let damaged = copy(dir.path());
    let oldest = segments(damaged.path())[0].clone();
    let file = OpenOptions::new().write(true).open(&oldest).unwrap();
    file.set_len(9_000).unwrap();
    let error = refused(damaged.path());
    assert!(matches!(&error, WalError::Damaged { path, .. } if *path == oldest));
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    let damaged = copy(dir.path());
    std::fs::remove_file(&segments(damaged.path())[1]).unwrap();
    assert!(matches!(refused(damaged.path()), WalError::Damaged { .. }));
}

#[tokio::test]
async fn the_oldest_segment_is_missed_once_something_was_purged() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    let log = wal.group(GroupId(1));
    let body = "x".repeat(1_000);
    for index in 1..30 {
        append(&log, index, &[&body]);
    }
    log.purge(LogIndex(2), Bytes::new()).unwrap();
    wal.close().await.unwrap();
    std::fs::remove_file(&segments(dir.path())[0]).unwrap();
    let error = refused(dir.path());
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[tokio::test]
async fn a_lost_header_is_restored_from_the_batches_that_follow_it() {
    for which in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        many_segments(dir.path()).await;
        let file = segments(dir.path())[which].clone();
        flip(&file, 20);
        for _ in 0..2 {
            let wal = open(dir.path());
            assert_eq!(entries(&wal, 1).len(), 49);
            wal.close().await.unwrap();
        }
    }
    // With nothing else to tell the salt, there is no way to know.
    let dir = tempfile::tempdir().unwrap();
    three_batches(dir.path()).await;
    flip(&segments(dir.path())[0], 20);
    assert!(matches!(refused(dir.path()), WalError::Damaged { .. }));
}

/// Zeros over the header and the first batch: what several lost pages in a row leave.
fn lose_the_beginning(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[..4096 + 24].fill(0);
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_segment_without_its_beginning_is_no_free_file() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    let count = segments(dir.path()).len();
    for which in 0..count {
        let damaged = copy(dir.path());
        let file = segments(damaged.path())[which].clone();
        // The last one may be prepared and not used yet: then nothing is lost.
        let is_used = end_of_data(&file) > 4096 + 24;
        lose_the_beginning(&file);
        let opened = try_open(damaged.path());
        assert_eq!(opened.is_err(), is_used, "segment {which} of {count}");
    }
    let dir = tempfile::tempdir().unwrap();
    three_batches(dir.path()).await;
    lose_the_beginning(&segments(dir.path())[0]);
    assert!(matches!(refused(dir.path()), WalError::Damaged { .. }));
}

#[tokio::test]
async fn a_hole_of_any_size_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    let files = segments(dir.path());
    flip(&files[1], 20);
    flip(&files[1], 4096);
    let mut bytes = std::fs::read(&files[2]).unwrap();
    bytes[24..32].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    bytes[12..16].fill(0);
    let checksum = crc32c::crc32c(&bytes[..40]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    std::fs::write(&files[2], bytes).unwrap();
    assert!(matches!(refused(dir.path()), WalError::Damaged { .. }));
}

#[tokio::test]
async fn an_unknown_version_is_refused_and_named() {
    for name in ["wal.id", "00000001.wal"] {
        let dir = tempfile::tempdir().unwrap();
        three_batches(dir.path()).await;
        let path = dir.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8] = 9;
        std::fs::write(&path, bytes).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, WalError::Version { found: 9, .. }));
        assert!(error.to_string().contains("version 9"), "{error}");
    }
}

#[tokio::test]
async fn a_folder_has_one_user_and_must_be_writable() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(dir.path());
    assert!(matches!(refused(dir.path()), WalError::Locked(_)));
    vote(&wal.group(GroupId(1)), "v");
    wal.close().await.unwrap();
    drop(open(dir.path()));

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&file.join("wal"));
    assert!(error.to_string().contains("cannot create the folder"), "{error}");
}
