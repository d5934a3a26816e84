//! Checkpoints: both stores behave alike, damage is noticed, and what was acknowledged survives SIGKILL.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use raft::env::Env;
use raft::machine::{Delta, Machine, MachineKind, Row, RowValue};
use raft::store::{
    Checkpoint, Checkpointer, FileStore, FileStoreOptions, LetterStore, LettersOptions, MemoryStore, Store,
    StoreError,
};
use raft::types::GroupId;

mod churn;
mod convert;
mod cut_short;
mod damage;
mod disk;
mod full;
mod letters;
mod memory;
mod threads;
mod versions;

const GROUPS: u64 = 5;

fn open(path: &Path) -> FileStore {
    let env = Env::real().unwrap();
    FileStore::open(env.disk, env.random, path, FileStoreOptions::default()).unwrap()
}

/// Files so small, and so few that are kept open, that most writes read a file, and many write one anew.
const SMALL: FileStoreOptions = FileStoreOptions {
    compact_bytes_min: 2_000,
    warm_rows_max: 100,
    warm_groups_max: 2,
};

fn open_small(path: &Path) -> FileStore {
    let env = Env::real().unwrap();
    FileStore::open(env.disk, env.random, path, SMALL).unwrap()
}

/// The same for the same number: a delta for one of the groups, sometimes of large rows.
fn step(number: u64) -> (GroupId, Bytes, Delta) {
    let mut state = number;
    let mut below = |bound: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    };
    let group = GroupId(below(GROUPS));
    // The first steps of all groups have to clear, later ones seldom do.
    let mut delta = Delta {
        clear: number < 4 * GROUPS || below(20) == 0,
        ..Delta::default()
    };
    // Some take many steps even of the usual size.
    let rows = if below(5) == 0 { 400 } else { below(12) };
    for _ in 0..rows {
        let key = Bytes::from(format!("{:03}", below(if rows > 12 { 999 } else { 60 })));
        let bytes = if below(40) == 0 { 400_000 } else { 300 };
        let value = vec![below(256) as u8; below(bytes) as usize];
        if delta.puts.iter().any(|row| row.key == key) || delta.deletes.contains(&key) {
            continue;
        }
        if below(3) == 0 {
            delta.deletes.push(key);
        } else {
            let value = RowValue::Encoded(value.into());
            delta.puts.push(Row { key, value });
        }
    }
    (group, Bytes::from(format!("applied {number}")), delta)
}

fn apply(store: &dyn Store, number: u64) -> Result<(), StoreError> {
    let (group, header, delta) = step(number);
    store.write(group, header, delta)
}

/// Goes on with whole states that are put together, and sometimes lets one count.
fn stage(store: &dyn Store, number: u64) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
    let (group, header, mut part) = step(number + 1_000_000);
    part.clear = number % 4 == 1;
    store.stage(group, part)?;
    let staged = store.staged(group)?;
    match number % 10 {
        2 | 6 => store.commit(group, header)?,
        9 => store.unstage(group)?,
        _ => {}
    }
    Ok(staged)
}

fn all(store: &dyn Store) -> Vec<(GroupId, Option<Checkpoint>)> {
    (0..GROUPS)
        .map(|group| (GroupId(group), store.load(GroupId(group)).unwrap()))
        .collect()
}

#[test]
fn both_stores_hold_the_same_after_any_sequence() {
    for seed in [0, 10_000, 20_000, 30_000] {
        let open = |path: &Path| match seed {
            0 | 20_000 => open(path),
            _ => open_small(path),
        };
        let dir = tempfile::tempdir().unwrap();
        let (mut files, memory) = (open(dir.path()), MemoryStore::default());
        for number in 0..150 {
            let number = if number < 20 { number } else { seed + number };
            let results = (apply(&files, number), apply(&memory, number));
            assert_eq!(format!("{:?}", results.0), format!("{:?}", results.1));
            let results = (stage(&files, number), stage(&memory, number));
            assert_eq!(format!("{:?}", results.0), format!("{:?}", results.1));
            if number % 37 == 0 {
                let group = GroupId(number % GROUPS);
                files.forget(group).unwrap();
                memory.forget(group).unwrap();
            }
            if number % 50 == 49 {
                drop(files);
                files = open(dir.path());
                // What is put together does not outlive its node.
                (0..GROUPS).for_each(|group| memory.unstage(GroupId(group)).unwrap());
            }
            assert_eq!(files.groups().unwrap(), memory.groups().unwrap());
        }
        assert!(all(&files) == all(&memory), "seed {seed}");
    }
}

#[test]
fn a_delta_needs_something_to_change() {
    let dir = tempfile::tempdir().unwrap();
    for store in [&open(dir.path()) as &dyn Store, &MemoryStore::default()] {
        let refused = store.write(GroupId(1), Bytes::new(), Delta::default());
        assert!(matches!(refused, Err(StoreError::NoBase(GroupId(1)))));
        let whole = Delta {
            clear: true,
            ..Delta::default()
        };
        store.write(GroupId(1), Bytes::from("header"), whole).unwrap();
        let checkpoint = store.load(GroupId(1)).unwrap().unwrap();
        assert_eq!(checkpoint.header, "header");
        assert_eq!(checkpoint.rows, []);
    }
}

#[tokio::test]
async fn the_checkpointer_serves_many_callers_in_order() {
    let env = Env::real().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let rows = Arc::new(MemoryStore::default());
    let store = LetterStore::open(rows, env.disk.clone(), dir.path(), LettersOptions::default());
    let checkpoints = Checkpointer::start(&env, store.unwrap());
    let write = async |group: u64| {
        for round in 0..20 {
            let delta = match round {
                0 => Delta::whole(Machine::new(MachineKind::Queue).rows()),
                _ => Delta::default(),
            };
            let header = Bytes::from(format!("{round}"));
            let group = GroupId(group);
            let (written, loaded) = tokio::join!(
                biased;
                checkpoints.write(group, header.clone(), delta),
                checkpoints.load(group, MachineKind::Queue),
            );
            written.unwrap();
            assert_eq!(loaded.unwrap().unwrap().0, header);
        }
    };
    futures::future::join_all((0..40).map(write)).await;
    assert_eq!(checkpoints.groups().await.unwrap().len(), 40);
    checkpoints.forget(GroupId(7)).await.unwrap();
    let loaded = checkpoints.load(GroupId(7), MachineKind::Queue).await;
    assert!(loaded.unwrap().is_none());
}

const CHILD_FOLDER: &str = "MILLRACE_TEST_STORE_CHILD";
const CHILD_START: &str = "MILLRACE_TEST_STORE_START";

/// The test binary starts itself: the child writes checkpoints for ever and says which it was told
/// are durable; the parent kills it without warning.
#[test]
fn acknowledged_checkpoints_survive_sigkill() {
    if let Ok(folder) = std::env::var(CHILD_FOLDER) {
        // Many writes make a new file, so that many kills come between two steps of that.
        let store = open_small(Path::new(&folder));
        let start = std::env::var(CHILD_START).unwrap().parse().unwrap();
        for number in start.. {
            apply(&store, number).unwrap();
            println!("acknowledged {number}");
            std::io::stdout().flush().unwrap();
        }
    }

    let dir = tempfile::tempdir().unwrap();
    let memory = MemoryStore::default();
    let mut next = 0;
    for kills in 1..=6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "acknowledged_checkpoints_survive_sigkill"])
            .arg("--nocapture")
            .env(CHILD_FOLDER, dir.path())
            .env(CHILD_START, next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let first = next;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some((_, number)) = line.split_once("acknowledged ") {
                let number: u64 = number.parse().unwrap();
                assert_eq!(number, next);
                apply(&memory, number).unwrap();
                next += 1;
                if next == first + 20 + kills {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();

        let found = all(&open(dir.path()));
        if found != all(&memory) {
            // The one that was being written may be there, too, but only as a whole.
            apply(&memory, next).unwrap();
            next += 1;
            assert!(found == all(&memory), "after {kills} kills, {next} steps");
        }
    }
    assert!(next > 100);
}
