//! A torn tail is cut; anything else that is not as it was written stops the node.

use std::fs::OpenOptions;
use std::path::Path;

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::{Wal, WalError};

use crate::support::{append, copy, end_of_data, entries, flip, open, segments, try_open, vote};

fn refused(dir: &Path) -> WalError {
    match try_open(dir) {
        Ok(_) => panic!("a damaged log was opened"),
        Err(error) => error,
    }
}

/// Three batches in a log that was closed; where each ended.
async fn three_batches(dir: &Path) -> Vec<usize> {
    let (wal, ends) = write_batches(dir);
    wal.close().await.unwrap();
    ends
}

/// The same as a crash leaves it.
fn crashed_batches() -> (tempfile::TempDir, Vec<usize>) {
    let dir = tempfile::tempdir().unwrap();
    let (_wal, ends) = write_batches(dir.path());
    (copy(dir.path()), ends)
}

fn write_batches(dir: &Path) -> (Wal, Vec<usize>) {
    let wal = open(dir);
    let log = wal.group(GroupId(7));
    let mut ends = Vec::new();
    for (first, bodies) in [(1, ["a", "b"]), (3, ["c", "d"]), (5, ["e", "f"])] {
        append(&log, first, &bodies);
        ends.push(end_of_data(&segments(dir)[0]));
    }
    (wal, ends)
}

#[tokio::test]
async fn a_tail_cut_anywhere_loses_only_the_last_batch() {
    let (dir, ends) = crashed_batches();
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

#[test]
fn pages_of_the_last_batch_may_be_lost_in_any_order() {
    let (dir, ends) = crashed_batches();
    for offset in ends[1].next_multiple_of(8)..ends[2] {
        let crashed = copy(dir.path());
        flip(&segments(crashed.path())[0], offset);
        assert_eq!(entries(&open(crashed.path()), 7).len(), 4, "flipped {offset}");
    }
}

/// The last batch, damaged at each of its bytes, is refused.
fn no_torn_tail(dir: &Path, ends: &[usize]) {
    for offset in ends[1].next_multiple_of(8)..ends[2] {
        let damaged = copy(dir);
        flip(&segments(damaged.path())[0], offset);
        let error = refused(damaged.path());
        assert!(error.to_string().contains("were durable"), "{error}");
    }
}

#[tokio::test]
async fn the_last_batch_of_a_closed_log_is_no_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_batches(dir.path()).await;
    no_torn_tail(dir.path(), &ends);
}

#[test]
fn the_last_batch_of_a_log_that_was_opened_again_is_no_torn_tail() {
    let (dir, ends) = crashed_batches();
    let _wal = open(dir.path());
    no_torn_tail(copy(dir.path()).path(), &ends);
}

#[test]
fn the_last_batch_of_an_idle_log_is_no_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let (wal, ends) = write_batches(dir.path());
    let manifest = dir.path().join("wal.manifest");
    let unsealed = std::fs::read(&manifest).unwrap();
    wal.tend().unwrap();
    wal.tend().unwrap();
    while std::fs::read(&manifest).unwrap() == unsealed {
        std::thread::yield_now();
    }
    no_torn_tail(copy(dir.path()).path(), &ends);
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
async fn the_newest_segments_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    let count = segments(dir.path()).len();
    for left in 0..count {
        let damaged = copy(dir.path());
        for file in &segments(damaged.path())[left..] {
            std::fs::remove_file(file).unwrap();
        }
        let error = refused(damaged.path());
        assert!(
            matches!(error, WalError::Missing { prepared, found, .. }
                if (prepared, found) == (count as u64, left as u64)),
            "{error}"
        );
        assert!(error.to_string().contains("a new number"), "{error}");
        // It stays so.
        assert!(matches!(refused(damaged.path()), WalError::Missing { .. }));
    }
}

#[tokio::test]
async fn a_folder_of_an_earlier_version_gets_a_manifest() {
    let dir = tempfile::tempdir().unwrap();
    many_segments(dir.path()).await;
    std::fs::remove_file(dir.path().join("wal.manifest")).unwrap();
    let wal = open(dir.path());
    assert_eq!(entries(&wal, 1).len(), 49);
    wal.close().await.unwrap();
    let damaged = copy(dir.path());
    std::fs::remove_file(segments(damaged.path()).last().unwrap()).unwrap();
    assert!(matches!(refused(damaged.path()), WalError::Missing { .. }));

    // Neither slot is readable: nothing is known of the newest segments.
    let mut manifest = std::fs::read(dir.path().join("wal.manifest")).unwrap();
    manifest[40] ^= 1;
    std::fs::write(dir.path().join("wal.manifest"), &manifest).unwrap();
    open(dir.path()).close().await.unwrap();
    let mut manifest = std::fs::read(dir.path().join("wal.manifest")).unwrap();
    manifest[40] ^= 1;
    manifest[4096 + 40] ^= 1;
    std::fs::write(dir.path().join("wal.manifest"), manifest).unwrap();
    assert!(matches!(refused(dir.path()), WalError::Damaged { .. }));
}

/// Makes the last record of the log one of another kind, with checksums that fit.
fn change_kind(path: &Path, kind: u8, salt: u32) {
    const HEADER: usize = 25;
    let mut bytes = std::fs::read(path).unwrap();
    let end = end_of_data(path);
    let start = end - HEADER - 1;
    bytes[start + 24] = kind;
    let checksum = crc32c::crc32c_append(salt, &bytes[start + 4..end]);
    bytes[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_unknown_kind_of_record_is_refused_and_left_as_it_is() {
    let (dir, _) = crashed_batches();
    let file = segments(dir.path())[0].clone();
    let log = std::fs::read(dir.path().join("wal.id")).unwrap();
    let log = u64::from_le_bytes(log[16..24].try_into().unwrap());
    let salt = ((log ^ (log >> 32)) as u32).wrapping_add(1);
    change_kind(&file, 9, salt);
    let before = std::fs::read(&file).unwrap();
    let error = refused(dir.path());
    assert!(
        matches!(&error, WalError::UnknownRecord { path, kind: 9, .. } if *path == file),
        "{error}"
    );
    assert!(error.to_string().contains("log format 1"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    change_kind(&file, 1, salt);
    assert_eq!(entries(&open(dir.path()), 7).len(), 6);
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
        lose_the_beginning(&file);
        // The last one may be prepared and not used yet, but nothing tells.
        let opened = try_open(damaged.path());
        assert!(opened.is_err(), "segment {which} of {count}");
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
