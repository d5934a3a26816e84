//! A data folder whose checkpoints are in sled becomes one of files, whatever state it was left in,
//! and however often that is cut short.

use std::ops::Range;
use std::path::PathBuf;

use raft::env::Disk;
use raft::env::real::StdDisk;
use raft::store::convert_sled;

use super::disk::CrashDisk;
use super::*;

/// A value as it stands in sled.
fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(key), value);
    [&checksum.to_le_bytes(), value].concat()
}

fn put(sled: &sled::Db, key: &[u8], value: &[u8]) {
    sled.insert(key, sealed(key, value)).unwrap();
}

fn key(group: u64, rest: &[u8]) -> Vec<u8> {
    [&group.to_be_bytes()[..], rest].concat()
}

fn rows_of(rows: Range<u8>, value: &str) -> Vec<(Bytes, Bytes)> {
    let rows = rows.map(|n| (Bytes::from(vec![0x21, n]), Bytes::from(format!("{value} {n}"))));
    rows.collect()
}

/// Writes a group as versions before did: on side B the rows and the header's checksum have a mark.
fn put_group(sled: &sled::Db, group: u64, header: &[u8], on_b: bool, rows: &[(Bytes, Bytes)]) {
    let infix: &[u8] = if on_b { &[0x80] } else { &[] };
    let sealed_header = sealed(&key(group, infix), header);
    sled.insert(key(group, b""), sealed_header).unwrap();
    for (row, value) in rows {
        put(sled, &key(group, &[infix, row].concat()), value);
    }
}

/// An undo row that leads back to values as they stood.
fn put_undo(sled: &sled::Db, group: u64, number: u32, tag: &[u8], entries: &[(&[u8], Option<Vec<u8>>)]) {
    let mut undo = tag.to_vec();
    for (row, old) in entries {
        undo.extend((row.len() as u32).to_le_bytes());
        undo.extend_from_slice(row);
        undo.push(u8::from(old.is_some()));
        if let Some(old) = old {
            undo.extend((old.len() as u32).to_le_bytes());
            undo.extend_from_slice(old);
        }
    }
    put(
        sled,
        &key(group, &[&[0][..], &number.to_be_bytes()].concat()),
        &undo,
    );
}

/// What a node of the version before left: a group on each side, one in the middle of a delta, one
/// that was being put together beside what counts, and one that was being forgotten. Returns what
/// the first four hold.
fn old_folder(folder: &Path, version: u32) -> Vec<Checkpoint> {
    let sled = sled::open(folder.join("sled-3")).unwrap();
    put(&sled, b"version", &version.to_le_bytes());
    let checkpoints: Vec<Checkpoint> = (0..4u8)
        .map(|group| Checkpoint {
            header: Bytes::from(format!("header of {group}")),
            rows: rows_of(0..20 + group, "old"),
        })
        .collect();
    for (group, checkpoint) in checkpoints.iter().enumerate() {
        put_group(
            &sled,
            group as u64,
            &checkpoint.header,
            group == 1,
            &checkpoint.rows,
        );
    }
    // Rows 3 and 5 were overwritten, 4 was deleted, 90 is new. What they were stands in two undo
    // rows.
    let tag = &sealed(&key(2, b""), &checkpoints[2].header)[..4];
    let old = |n: u8| Some(sealed(&key(2, &[0x21, n]), &checkpoints[2].rows[n as usize].1));
    put_undo(&sled, 2, 0, tag, &[(&[0x21, 3], old(3)), (&[0x21, 4], old(4))]);
    put_undo(&sled, 2, 1, tag, &[(&[0x21, 5], old(5)), (&[0x21, 90], None)]);
    for row in [3, 5, 90] {
        put(&sled, &key(2, &[0x21, row]), b"new");
    }
    sled.remove(key(2, &[0x21, 4])).unwrap();
    for (row, value) in rows_of(0..5, "staged") {
        put(&sled, &key(3, &[&[0x80][..], &row].concat()), &value);
    }
    // Undo rows without number 0 are leftovers.
    put_undo(&sled, 3, 1, b"tag!", &[(&[0x21, 1], None)]);
    for (row, value) in rows_of(0..5, "headless") {
        put(&sled, &key(9, &row), &value);
    }
    sled.flush().unwrap();
    checkpoints
}

fn convert(folder: &Path) -> FileStore {
    let store = open(folder);
    convert_sled(&StdDisk, folder, &store).unwrap();
    store
}

fn check(store: &dyn Store, expected: &[Checkpoint]) {
    let groups: Vec<GroupId> = (0..expected.len() as u64).map(GroupId).collect();
    assert_eq!(store.groups().unwrap(), groups);
    for (group, expected) in groups.into_iter().zip(expected) {
        assert_eq!(store.load(group).unwrap().as_ref(), Some(expected), "{group}");
    }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all = StdDisk.list(folder).unwrap();
    all.retain(|path| path.is_dir());
    all
}

#[test]
fn checkpoints_in_sled_are_converted() {
    for version in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        let expected = old_folder(dir.path(), version);
        check(&convert(dir.path()), &expected);
        assert_eq!(folders(dir.path()), [] as [PathBuf; 0], "the old folder is gone");
        check(&convert(dir.path()), &expected);
    }
}

/// The files are on a disk that ends at each of its operations, sled is as it was.
#[test]
fn a_conversion_may_be_cut_short_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let expected = old_folder(dir.path(), 2);
    let env = Env::real().unwrap();
    let files = Path::new("/checkpoints");
    let options = FileStoreOptions::default();
    let mut disk = CrashDisk::default();
    let mut cut = 0;
    for operation in 0.. {
        // Each attempt goes on with what the one before it left.
        disk.end_at(operation);
        let store = FileStore::open(Arc::new(disk.clone()), env.random.clone(), files, options);
        // The folder is renamed and removed by the other disk: this one is only asked for what is
        // in sled.
        let done = store.and_then(|store| convert_sled(&Keeps, dir.path(), &store));
        disk = disk.after(super::disk::End::Bare);
        match done {
            Ok(()) => break,
            Err(_) => cut += 1,
        }
    }
    assert!(cut > 3, "cut short {cut} times");
    let store = FileStore::open(Arc::new(disk), env.random, files, options).unwrap();
    check(&store, &expected);
}

/// A disk that lists, and neither renames nor removes.
struct Keeps;

impl Disk for Keeps {
    fn open(&self, path: &Path, create: bool) -> std::io::Result<Arc<dyn raft::env::DiskFile>> {
        StdDisk.open(path, create)
    }
    fn create_dir_all(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn list(&self, path: &Path) -> std::io::Result<Vec<PathBuf>> {
        StdDisk.list(path)
    }
    fn rename(&self, _: &Path, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn remove_file(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn remove_dir_all(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
    fn lock(&self, path: &Path) -> std::io::Result<Box<dyn std::any::Any + Send + Sync>> {
        StdDisk.lock(path)
    }
}

#[test]
fn a_conversion_that_was_done_and_not_tidied_up_is_tidied_up() {
    let dir = tempfile::tempdir().unwrap();
    let expected = old_folder(dir.path(), 2);
    std::fs::rename(dir.path().join("sled-3"), dir.path().join("sled-4")).unwrap();
    std::fs::create_dir(dir.path().join("converted-sled-3")).unwrap();
    check(&convert(dir.path()), &expected);
    assert_eq!(folders(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn what_cannot_be_read_is_not_converted_and_kept() {
    let damages: [fn(&sled::Db); 4] = [
        |sled| drop(sled.insert(key(0, &[0x21, 5]), b"nonsense")),
        |sled| drop(sled.insert(key(0, b""), b"nonsense")),
        // Leads back to another header.
        |sled| put_undo(sled, 0, 0, b"tag!", &[(&[0x21, 1], None)]),
        // Number 1 is missing.
        |sled| {
            let header = sled.get(key(0, b"")).unwrap().unwrap();
            for number in [0, 2] {
                put_undo(sled, 0, number, &header[..4], &[(&[0x21, 1], None)]);
            }
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let expected = old_folder(dir.path(), 2);
        let sled = reopened(&dir.path().join("sled-3"));
        damage(&sled);
        sled.flush().unwrap();
        drop(sled);
        let store = convert(dir.path());
        assert_eq!(store.load(GroupId(0)).unwrap(), None, "damage {number}");
        for group in 1..4 {
            let found = store.load(GroupId(group)).unwrap();
            assert_eq!(found.as_ref(), Some(&expected[group as usize]), "damage {number}");
        }
        assert_eq!(folders(dir.path()), [dir.path().join("damaged-sled-3")]);
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    old_folder(dir.path(), 3);
    let store = open(dir.path());
    let refused = convert_sled(&StdDisk, dir.path(), &store).unwrap_err();
    assert!(matches!(refused, StoreError::TooNew(_)), "{refused}");
    assert!(refused.to_string().contains("version 3"), "{refused}");
    assert_eq!(store.groups().unwrap(), []);
    assert_eq!(folders(dir.path()), [dir.path().join("sled-3")]);
}

/// sled's threads outlive a database that was dropped a little, and so does its lock.
fn reopened(path: &Path) -> sled::Db {
    loop {
        match sled::open(path) {
            Err(sled::Error::Io(error)) if error.to_string().starts_with("could not acquire lock") => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}
