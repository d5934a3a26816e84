//! Writes of many steps count as one: cut short anywhere, they leave what was there before, or all of it new.

use std::collections::BTreeMap;

use super::*;

const GROUP: GroupId = GroupId(1);

fn row(number: u32, value: &str) -> Row {
    Row {
        key: Bytes::from(format!("{number:03}")),
        value: RowValue::Encoded(Bytes::from(value.repeat(40))),
    }
}

/// Puts, overwrites and deletes.
fn delta() -> Delta {
    let mut puts: Vec<_> = (0..20).step_by(2).map(|n| row(n, "second ")).collect();
    puts.extend((40..55).map(|n| row(n, "second ")));
    Delta {
        clear: false,
        puts,
        deletes: (1..20).step_by(2).map(|n| row(n, "").key).collect(),
    }
}

fn whole(rows: std::ops::Range<u32>, value: &str) -> Delta {
    Delta {
        clear: true,
        puts: rows.map(|n| row(n, value)).collect(),
        deletes: Vec::new(),
    }
}

/// A checkpoint of thirty rows, between two neighbours.
fn begin(store: &dyn Store) {
    for group in 0..3 {
        let header = Bytes::from(format!("first of {group}"));
        store
            .write(GroupId(group), header, whole(0..30, "first "))
            .unwrap();
    }
}

type Change = fn(&dyn Store) -> Result<(), StoreError>;

fn write_delta(store: &dyn Store) -> Result<(), StoreError> {
    store.write(GROUP, Bytes::from("second"), delta())
}

fn write_whole(store: &dyn Store) -> Result<(), StoreError> {
    store.write(GROUP, Bytes::from("second"), whole(10..45, "second "))
}

/// A whole state in parts, while the one that counts goes on to change.
fn put_together(store: &dyn Store) -> Result<(), StoreError> {
    store.stage(GROUP, whole(10..30, "third "))?;
    write_delta(store)?;
    let part = Delta {
        clear: false,
        puts: (25..45).map(|n| row(n, "second ")).collect(),
        deletes: (10..20).map(|n| row(n, "").key).collect(),
    };
    store.stage(GROUP, part)?;
    store.commit(GROUP, Bytes::from("third"))
}

/// The same, while another whole state comes to count.
fn put_together_beside(store: &dyn Store) -> Result<(), StoreError> {
    store.stage(GROUP, whole(10..30, "third "))?;
    write_whole(store)?;
    store.stage(GROUP, Delta::default())?;
    store.commit(GROUP, Bytes::from("third"))
}

fn forget(store: &dyn Store) -> Result<(), StoreError> {
    store.forget(GROUP)
}

fn forget_and_write(store: &dyn Store) -> Result<(), StoreError> {
    store.forget(GROUP)?;
    write_whole(store)
}

fn loaded(store: &dyn Store) -> Vec<Option<Checkpoint>> {
    (0..3).map(|group| store.load(GroupId(group)).unwrap()).collect()
}

/// What a change makes of the checkpoint.
fn after(changes: &[Change]) -> Vec<Option<Checkpoint>> {
    let memory = MemoryStore::default();
    begin(&memory);
    for change in changes {
        change(&memory).unwrap();
    }
    loaded(&memory)
}

/// A folder in which a change was cut short after so many steps; whether it was.
fn cut(change: Change, steps: u64) -> (tempfile::TempDir, bool) {
    let dir = tempfile::tempdir().unwrap();
    begin(&open_small(dir.path(), None));
    let outcome = change(&open_small(dir.path(), Some(steps)));
    assert!(matches!(outcome, Ok(()) | Err(StoreError::Failed(_))));
    (dir, outcome.is_err())
}

/// Everything in the database, by what stands after the group's id.
fn raw_keys(path: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut keys = BTreeMap::new();
    for key in open_raw(&path.join("sled-1")).iter().keys() {
        let key = key.unwrap();
        let kind = key.get(8..key.len().min(9)).unwrap_or(b"version");
        *keys.entry(kind.to_vec()).or_default() += 1;
    }
    keys
}

fn undo_keys(raw: &sled::Db) -> Vec<sled::IVec> {
    let prefix = [&GROUP.0.to_be_bytes()[..], &[0]].concat();
    raw.scan_prefix(prefix).keys().map(Result::unwrap).collect()
}

#[test]
fn a_change_cut_short_anywhere_is_none_or_all_of_it() {
    let changes: [(Change, u64); 3] = [(write_delta, 15), (write_whole, 15), (forget, 5)];
    for (change, steps_min) in changes {
        let (old, new) = (after(&[]), after(&[change]));
        let mut committed = None;
        for steps in 0.. {
            let (dir, was_cut) = cut(change, steps);
            let store = open_small(dir.path(), None);
            let found = loaded(&store);
            if found == new {
                committed.get_or_insert(steps);
            }
            assert!(
                found == if committed.is_some() { &new[..] } else { &old },
                "{steps} steps"
            );
            drop(store);
            // Nothing but what belongs to one state is left.
            let keys = raw_keys(dir.path());
            let rows: usize = found
                .iter()
                .flatten()
                .map(|checkpoint| checkpoint.rows.len() + 1)
                .sum();
            assert_eq!(keys.values().sum::<usize>(), rows + 1, "{steps} steps: {keys:?}");
            if !was_cut {
                assert!(steps >= steps_min, "only {steps} steps");
                break;
            }
        }
        assert!(committed.is_some());
    }
}

#[test]
fn a_state_that_is_put_together_counts_at_once_and_nothing_of_it_before() {
    let changes: [(Change, Change); 2] = [(put_together, write_delta), (put_together_beside, write_whole)];
    for (change, meanwhile) in changes {
        let states = [after(&[]), after(&[meanwhile]), after(&[change])];
        let mut reached = 0;
        for steps in 0.. {
            let (dir, was_cut) = cut(change, steps);
            let store = open_small(dir.path(), None);
            let found = loaded(&store);
            let at = states.iter().position(|state| *state == found);
            let at = at.expect("it is one of the three states");
            assert!(at >= reached, "{steps} steps: state {at} after {reached}");
            reached = at;
            assert!(matches!(store.staged(GROUP), Err(StoreError::NotStaged(GROUP))));
            drop(store);
            let rows = found.iter().flatten().map(|checkpoint| checkpoint.rows.len() + 1);
            assert_eq!(
                raw_keys(dir.path()).values().sum::<usize>(),
                rows.sum::<usize>() + 1
            );
            if !was_cut {
                break;
            }
        }
        assert_eq!(reached, 2);
    }
}

#[test]
fn a_new_group_may_be_put_together_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_small(dir.path(), None);
    store.stage(GROUP, whole(0..20, "staged ")).unwrap();
    assert!(store.load(GROUP).unwrap().is_none());
    store
        .write(GROUP, Bytes::from("own"), whole(5..30, "own "))
        .unwrap();
    assert_eq!(store.load(GROUP).unwrap().unwrap().rows.len(), 25);
    store.commit(GROUP, Bytes::from("staged")).unwrap();
    assert_eq!(store.load(GROUP).unwrap().unwrap().rows.len(), 20);
    store.stage(GROUP, whole(0..20, "again ")).unwrap();
    store.forget(GROUP).unwrap();
    let lost = store.commit(GROUP, Bytes::new());
    assert!(matches!(lost, Err(StoreError::NotStaged(GROUP))));
    assert!(store.load(GROUP).unwrap().is_none());
}

#[test]
fn a_change_may_follow_one_that_was_cut_short() {
    let follow_ups: [Change; 3] = [write_delta, write_whole, forget_and_write];
    for change in [write_delta as Change, write_whole] {
        for follow_up in follow_ups {
            let (dir, was_cut) = cut(change, 6);
            assert!(was_cut);
            let store = open_small(dir.path(), None);
            follow_up(&store).unwrap();
            assert!(loaded(&store) == after(&[follow_up]));
        }
    }
}

#[test]
fn going_back_may_be_cut_short_again_and_again() {
    for steps in [0, 1, 2, 4] {
        let (dir, _) = cut(write_delta, 9);
        let mut attempts = 0;
        // Without any step nothing is done, and so nothing is lost.
        while let Err(error) = open_small(dir.path(), Some(steps)).load(GROUP) {
            assert!(matches!(error, StoreError::Failed(_)));
            attempts += 1;
            if steps == 0 && attempts == 2 {
                break;
            }
        }
        assert!(attempts >= 2, "{attempts} attempts of {steps} steps");
        assert!(loaded(&open(dir.path())) == after(&[]));
    }
}

#[test]
fn what_cannot_be_taken_back_is_no_checkpoint() {
    type Damage = fn(&sled::Db, Vec<sled::IVec>);
    let damages: [Damage; 4] = [
        |raw, undo| {
            let mut value = raw.get(&undo[1]).unwrap().unwrap().to_vec();
            value[20] ^= 1;
            raw.insert(&undo[1], value).unwrap();
        },
        |raw, undo| {
            raw.remove(&undo[1]).unwrap();
        },
        // Cut off, but with the right checksum.
        |raw, undo| {
            let value = raw.get(&undo[1]).unwrap().unwrap();
            let value = sealed(&undo[1], &value[4..value.len() - 1]);
            raw.insert(&undo[1], value).unwrap();
        },
        // Another delta's.
        |raw, _| {
            let key = GROUP.0.to_be_bytes();
            raw.insert(key, sealed(&key, b"another header")).unwrap();
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let (dir, _) = cut(write_delta, 6);
        let raw = open_raw(&dir.path().join("sled-1"));
        let undo = undo_keys(&raw);
        assert!(undo.len() > 2);
        damage(&raw, undo);
        drop(raw);
        let store = open(dir.path());
        let mut expected = after(&[]);
        expected[1] = None;
        assert!(loaded(&store) == expected, "damage {number}");
        assert_eq!(store.groups().unwrap(), [GroupId(0), GroupId(2)]);
        drop(store);
        assert_eq!(undo_keys(&open_raw(&dir.path().join("sled-1"))).len(), 0);
    }
}

#[test]
fn what_has_no_header_goes_when_the_store_is_opened() {
    let (dir, _) = cut(forget, 3);
    drop(open(dir.path()));
    let raw = open_raw(&dir.path().join("sled-1"));
    assert_eq!(raw.scan_prefix(GROUP.0.to_be_bytes()).count(), 0);
    assert!(raw.scan_prefix(2u64.to_be_bytes()).count() > 30);
}

#[test]
fn a_database_of_version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let raw = open_raw(&dir.path().join("sled-1"));
    let header_key = GROUP.0.to_be_bytes().to_vec();
    let row_key = [&header_key[..], b"\x21row"].concat();
    raw.insert("version", sealed(b"version", &1u32.to_le_bytes()))
        .unwrap();
    raw.insert(&header_key[..], sealed(&header_key, b"header"))
        .unwrap();
    raw.insert(&row_key[..], sealed(&row_key, b"value")).unwrap();
    drop(raw);
    let rows = vec![(Bytes::from("\x21row"), Bytes::from("value"))];
    let header = Bytes::from("header");
    let store = open(dir.path());
    assert_eq!(store.load(GROUP).unwrap(), Some(Checkpoint { header, rows }));
    drop(store);
    let raw = open_raw(&dir.path().join("sled-1"));
    let version = raw.get("version").unwrap().unwrap();
    assert_eq!(&version[4..], 2u32.to_le_bytes());
}

#[test]
fn keys_that_are_the_stores_own_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    begin(&store);
    for key in [&b""[..], b"\0row", b"\x80row"] {
        let delta = Delta {
            deletes: vec![Bytes::copy_from_slice(key)],
            ..Delta::default()
        };
        assert!(matches!(
            store.write(GROUP, Bytes::new(), delta),
            Err(StoreError::Failed(_))
        ));
    }
    assert!(loaded(&store) == after(&[]));
}
