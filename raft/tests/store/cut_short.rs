//! A history of writes that ends at each operation on the disk, by the death of the process or the
//! loss of power. What is found is the state before the write that was cut short, or the state
//! after it, and it can be gone on with.

use super::disk::{CrashDisk, End};
use super::*;

const FOLDER: &str = "/checkpoints";
const ENDS: [End; 8] = [
    End::Killed,
    End::Bare,
    End::Torn(1),
    End::Torn(2),
    End::Torn(3),
    End::Torn(4),
    End::Torn(5),
    End::Torn(6),
];

pub(crate) fn open_on(disk: &CrashDisk) -> Result<FileStore, StoreError> {
    let random = Env::real().unwrap().random;
    FileStore::open(Arc::new(disk.clone()), random, Path::new(FOLDER), SMALL)
}

pub(crate) fn row(number: u32, value: &str) -> Row {
    Row {
        key: Bytes::from(format!("{number:03}")),
        value: RowValue::Encoded(Bytes::from(value.repeat(10))),
    }
}

pub(crate) fn delta(puts: std::ops::Range<u32>, deletes: std::ops::Range<u32>, value: &str) -> Delta {
    Delta {
        clear: false,
        puts: puts.map(|n| row(n, value)).collect(),
        deletes: deletes.map(|n| row(n, "").key).collect(),
    }
}

pub(crate) fn whole(rows: std::ops::Range<u32>, value: &str) -> Delta {
    Delta {
        clear: true,
        ..delta(rows, 0..0, value)
    }
}

type Step = fn(&dyn Store) -> Result<(), StoreError>;

fn write(store: &dyn Store, group: u64, header: &'static str, delta: Delta) -> Result<(), StoreError> {
    store.write(GroupId(group), Bytes::from(header), delta)
}

/// Each of these changes one group. What is put together is gone after an end, so that it is one
/// step.
pub(crate) const HISTORY: &[Step] = &[
    |store| write(store, 0, "one", whole(0..10, "first ")),
    |store| write(store, 1, "one", whole(0..10, "first ")),
    |store| write(store, 1, "two", delta(0..5, 5..8, "second ")),
    |store| write(store, 2, "one", whole(0..3, "first ")),
    |store| write(store, 1, "three", Delta::default()),
    // The files that stay open are two, so that this one is read first.
    |store| write(store, 0, "two", delta(20..30, 0..10, "second ")),
    |store| write(store, 1, "four", whole(50..60, "third ")),
    |store| {
        store.stage(GroupId(1), whole(0..10, "staged "))?;
        store.stage(GroupId(1), delta(10..20, 0..5, "staged "))?;
        store.commit(GroupId(1), Bytes::from("five"))
    },
    // More dead bytes than live ones.
    |store| write(store, 1, "six", delta(5..20, 0..0, "fourth ")),
    |store| write(store, 1, "seven", delta(5..20, 0..0, "fifth ")),
    |store| write(store, 1, "eight", delta(5..6, 6..20, "sixth ")),
    |store| store.forget(GroupId(0)),
    |store| write(store, 0, "again", whole(0..4, "seventh ")),
    |store| write(store, 0, "more", delta(4..5, 1..2, "eighth ")),
];

/// The states after each step, from before the first one on.
pub(crate) fn states() -> Vec<Vec<(GroupId, Option<Checkpoint>)>> {
    let memory = MemoryStore::default();
    let mut states = vec![all(&memory)];
    for step in HISTORY {
        step(&memory).unwrap();
        states.push(all(&memory));
    }
    states
}

/// Plays the history from a step on. Returns the step that failed, if one did.
pub(crate) fn play(store: &dyn Store, from: usize) -> Option<usize> {
    (from..HISTORY.len()).find(|step| HISTORY[*step](store).is_err())
}

/// Checks that the state of this step is there, or the next one. Returns which.
fn check(
    store: &FileStore,
    disk: &CrashDisk,
    states: &[Vec<(GroupId, Option<Checkpoint>)>],
    step: usize,
    what: &str,
) -> usize {
    let found = all(store);
    let next = (step + 1).min(states.len() - 1);
    let at = if found == states[next] { next } else { step };
    assert!(found == states[at], "{what}: {found:?}");
    assert_eq!(store.aside(), [], "{what}");
    // Once they were seen to be whole, each group has one file.
    let groups = store.groups().unwrap();
    groups.iter().for_each(|group| store.proven(*group).unwrap());
    let there = found
        .iter()
        .filter(|(_, checkpoint)| checkpoint.is_some())
        .count();
    assert_eq!(
        (groups.len(), disk.paths().len()),
        (there, there),
        "{what}: {:?}",
        disk.paths()
    );
    at
}

#[test]
fn a_history_may_end_at_any_operation() {
    let states = states();
    for operation in 0.. {
        let disk = CrashDisk::default();
        disk.end_at(operation);
        let failed = open_on(&disk).map_or(Some(0), |store| play(&store, 0));
        let Some(failed) = failed else {
            assert!(operation > 60, "only {operation} operations");
            assert_eq!(operation, disk.operations());
            return;
        };
        for end in ENDS {
            let what = format!("operation {operation}, step {failed}, {end:?}");
            let disk = disk.after(end);
            let store = open_on(&disk).unwrap();
            let at = check(&store, &disk, &states, failed, &what);
            // On the files as they are now, with all kinds of leftovers.
            assert_eq!(play(&store, at), None, "{what}");
            assert!(all(&store) == *states.last().unwrap(), "{what}");
            drop(store);
            let disk = disk.after(End::Bare);
            assert!(all(&open_on(&disk).unwrap()) == *states.last().unwrap(), "{what}");
        }
    }
}

#[test]
fn what_follows_an_end_may_end_again() {
    let states = states();
    for operation in (0..80).step_by(3) {
        for (number, end) in ENDS.into_iter().enumerate() {
            let disk = CrashDisk::default();
            disk.end_at(operation);
            let failed = open_on(&disk).map_or(Some(0), |store| play(&store, 0));
            let mut step = failed.unwrap_or(HISTORY.len());
            let mut disk = disk.after(end);
            for again in 0..20 {
                let what = format!("operation {operation}, {end:?}, again {again}");
                disk.end_at(again + number as u64);
                if let Ok(store) = open_on(&disk) {
                    // All steps up to this one were done; whether this one was is seen by the next
                    // life.
                    let found = all(&store);
                    let next = (step + 1).min(states.len() - 1);
                    step = if found == states[next] { next } else { step };
                    assert!(found == states[step], "{what}");
                    step = play(&store, step).unwrap_or(HISTORY.len());
                }
                disk = disk.after(ENDS[(number + again as usize) % ENDS.len()]);
            }
            let store = open_on(&disk).unwrap();
            check(&store, &disk, &states, step, "at last");
        }
    }
}

#[test]
fn a_failed_write_or_sync_is_never_followed_by_another() {
    let disk = CrashDisk::default();
    let store = open_on(&disk).unwrap();
    assert_eq!(play(&store, 0), None);
    disk.end_at(0);
    let failed = write(&store, 1, "fails", delta(0..1, 0..0, "x"));
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    let operations = disk.operations();
    for group in 0..3 {
        let failed = write(&store, group, "fails", whole(0..1, "x"));
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
    assert_eq!(disk.operations(), operations);
}
