//! Files that are not what was written, or of another version: the first are put aside and kept,
//! the others refused.

use std::path::PathBuf;

use super::cut_short::{delta, open_on, row, whole};
use super::disk::{CrashDisk, End};
use super::*;
use raft::env::Disk as _;

const GROUP: GroupId = GroupId(1);

/// A checkpoint of three commits in one file. Returns the states of the commits, and where each
/// ends.
fn three_commits(disk: &CrashDisk) -> (Vec<Checkpoint>, Vec<usize>, PathBuf) {
    let store = open_on(disk).unwrap();
    let deltas = [
        whole(0..4, "first "),
        delta(2..6, 0..1, "second "),
        delta(7..8, 2..3, "third "),
    ];
    let (mut states, mut ends) = (Vec::new(), Vec::new());
    for (number, delta) in deltas.into_iter().enumerate() {
        store
            .write(GROUP, Bytes::from(format!("commit {number}")), delta)
            .unwrap();
        states.push(store.load(GROUP).unwrap().unwrap());
        ends.push(disk.read(&file(disk)).len());
    }
    (states, ends, file(disk))
}

fn file(disk: &CrashDisk) -> PathBuf {
    let mut paths = disk.paths();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "rows"));
    assert_eq!(paths.len(), 1, "{paths:?}");
    paths.remove(0)
}

/// Loads what there is after the file was changed.
fn damaged(disk: &CrashDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> (FileStore, CrashDisk) {
    let disk = disk.after(End::Killed);
    let mut bytes = disk.read(path);
    change(&mut bytes);
    disk.replace(path, bytes);
    (open_on(&disk).unwrap(), disk)
}

#[test]
fn a_damaged_byte_is_noticed_wherever_it_is() {
    let disk = CrashDisk::default();
    let (states, ends, path) = three_commits(&disk);
    for at in 0..ends[2] {
        let (store, disk) = damaged(&disk, &path, |bytes| bytes[at] ^= 1 << (at % 8));
        let found = store.load(GROUP);
        if (8..12).contains(&at) && matches!(found, Err(StoreError::TooNew(_))) {
            panic!("the head's checksum covers its version");
        }
        let found = found.unwrap();
        // In the last write: it counts as one that was cut short, and the log says whether it was.
        let expected = (at >= ends[1]).then(|| states[1].clone());
        assert_eq!(found, expected, "byte {at}");
        if found.is_none() {
            assert_eq!(store.groups().unwrap(), [], "byte {at}");
            assert_eq!(store.aside().len(), 1, "byte {at}");
            let kept = disk.read(&store.aside()[0].path);
            assert_eq!(kept.len(), ends[2], "byte {at}: it is kept as it is");
        }
    }
}

#[test]
fn a_file_that_is_too_short_is_never_another_state() {
    let disk = CrashDisk::default();
    let (states, ends, path) = three_commits(&disk);
    for length in 0..ends[2] {
        let (store, _) = damaged(&disk, &path, |bytes| bytes.truncate(length));
        let complete = ends.iter().filter(|end| **end <= length).count();
        let expected = complete.checked_sub(1).map(|last| states[last].clone());
        assert_eq!(store.load(GROUP).unwrap(), expected, "{length} bytes");
    }
}

#[test]
fn zeros_in_the_middle_are_noticed() {
    let disk = CrashDisk::default();
    let (_, ends, path) = three_commits(&disk);
    for start in (0..ends[1] - 64).step_by(16) {
        let (store, _) = damaged(&disk, &path, |bytes| bytes[start..start + 64].fill(0));
        assert_eq!(store.load(GROUP).unwrap(), None, "from byte {start}");
    }
}

/// Two lives that went on from the same disk in different ways. A row of one, in the file of the
/// other, has the right checksum at the right place: only the digest tells.
#[test]
fn a_stale_row_is_noticed() {
    let disk = CrashDisk::default();
    let (_, ends, path) = three_commits(&disk);
    let other = disk.after(End::Bare);
    for (disk, value) in [(&disk, "fourth "), (&other, "father ")] {
        let store = open_on(disk).unwrap();
        store
            .write(GROUP, Bytes::new(), delta(3..5, 0..0, value))
            .unwrap();
        store
            .write(GROUP, Bytes::new(), delta(5..6, 0..0, value))
            .unwrap();
    }
    let record = ends[2]..ends[2] + 9 + 4 + 3 + 70;
    let stale = other.read(&path)[record.clone()].to_vec();
    let (store, _) = damaged(&disk, &path, |bytes| {
        assert_ne!(bytes[record.clone()], stale);
        bytes[record].copy_from_slice(&stale);
    });
    assert_eq!(store.load(GROUP).unwrap(), None);
    assert!(store.aside()[0].reason.contains("digest"), "{:?}", store.aside());
}

#[test]
fn a_file_in_the_wrong_place_is_noticed() {
    let disk = CrashDisk::default();
    let (_, _, path) = three_commits(&disk);
    let store = open_on(&disk).unwrap();
    store
        .write(GroupId(2), Bytes::new(), whole(0..4, "other "))
        .unwrap();
    let bytes = disk.read(&path);
    disk.replace(Path::new("/checkpoints/2-1.rows"), bytes);
    let store = open_on(&disk).unwrap();
    assert_eq!(store.load(GroupId(2)).unwrap(), None);
    assert!(store.load(GROUP).unwrap().is_some());
}

#[test]
fn another_version_is_refused_and_nothing_is_touched() {
    let set_version = |version: u32| {
        move |bytes: &mut Vec<u8>| {
            bytes[8..12].copy_from_slice(&version.to_le_bytes());
            let checksum = crc32c::crc32c(&bytes[..28]);
            bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        }
    };
    let disk = CrashDisk::default();
    let (_, _, path) = three_commits(&disk);
    for (version, is_newer) in [(2, true), (0, false)] {
        let (store, disk) = damaged(&disk, &path, set_version(version));
        let before = disk.read(&path);
        let refused = store.load(GROUP).unwrap_err();
        match &refused {
            StoreError::TooNew(_) => assert!(is_newer),
            StoreError::TooOld(_) => assert!(!is_newer),
            other => panic!("{other}"),
        }
        let text = refused.to_string();
        assert!(
            text.contains("1-1.rows") && text.contains(&format!("format {version}")),
            "{text}"
        );
        // Not by a delta either.
        let refused = store.write(GROUP, Bytes::new(), Delta::default());
        assert!(matches!(
            refused,
            Err(StoreError::TooNew(_) | StoreError::TooOld(_))
        ));
        assert_eq!(disk.read(&path), before);
        assert_eq!(store.aside(), []);
    }
}

#[test]
fn a_disk_that_cannot_be_read_for_a_moment_is_no_damage() {
    let disk = CrashDisk::default();
    let (states, _, _) = three_commits(&disk);
    let store = open_on(&disk).unwrap();
    disk.fail_reads(true);
    for outcome in [
        store.load(GROUP).map(drop),
        store.write(GROUP, Bytes::new(), delta(0..1, 0..0, "x")),
    ] {
        assert!(matches!(outcome, Err(StoreError::Reading(_))), "{outcome:?}");
    }
    disk.fail_reads(false);
    assert_eq!(store.load(GROUP).unwrap().as_ref(), states.last());
    store.write(GROUP, Bytes::new(), delta(0..1, 0..0, "x")).unwrap();
    assert_eq!(store.aside(), []);
}

#[test]
fn what_was_put_aside_goes_when_another_state_is_durable_and_not_before() {
    let disk = CrashDisk::default();
    let (_, _, path) = three_commits(&disk);
    let (store, disk) = damaged(&disk, &path, |bytes| bytes[40] ^= 1);
    assert_eq!(store.load(GROUP).unwrap(), None);
    let aside = PathBuf::from("/checkpoints/1-1.damaged");
    // Not by what only looks like another state, and not by a restart.
    store.stage(GROUP, whole(0..3, "staged ")).unwrap();
    assert!(matches!(
        store.write(GROUP, Bytes::new(), Delta::default()),
        Err(StoreError::NoBase(_))
    ));
    store.unstage(GROUP).unwrap();
    drop(store);
    let store = open_on(&disk).unwrap();
    assert_eq!(store.aside().len(), 1);
    assert!(disk.paths().contains(&aside));
    store.write(GROUP, Bytes::new(), whole(0..3, "new ")).unwrap();
    assert_eq!(store.aside(), []);
    assert_eq!(disk.paths(), [PathBuf::from("/checkpoints/1-2.rows")]);
}

#[test]
fn the_generation_before_counts_while_it_is_there() {
    let disk = CrashDisk::default();
    let (states, _, path) = three_commits(&disk);
    let old = disk.read(&path);
    let store = open_on(&disk).unwrap();
    store
        .write(GROUP, Bytes::from("whole"), whole(0..9, "whole "))
        .unwrap();
    drop(store);
    // As if the node had died before the old one went, and the new one was not what was written.
    let newest = file(&disk);
    let mut bytes = disk.read(&newest);
    bytes[50] ^= 1;
    disk.replace(&newest, bytes);
    disk.open(&path, true).unwrap();
    disk.replace(&path, old);
    let store = open_on(&disk).unwrap();
    assert_eq!(store.load(GROUP).unwrap().as_ref(), states.last());
    store.proven(GROUP).unwrap();
    assert_eq!(store.aside().len(), 1, "it is newer than what counts");
    store
        .write(
            GROUP,
            Bytes::new(),
            Delta {
                puts: vec![row(3, "x")],
                ..Delta::default()
            },
        )
        .unwrap();
    store.write(GROUP, Bytes::new(), whole(0..1, "x")).unwrap();
    assert_eq!(disk.paths(), [PathBuf::from("/checkpoints/1-3.rows")]);
}
