//! A machine from rows that were damaged, or that no machine ever had: they are refused, or make a machine that works
//! and whose own rows can be loaded.

#![no_main]

use bytes::Bytes;
use fuzz::recipe::Recipe;
use fuzz::rows::{self, History, Rows};
use libfuzzer_sys::fuzz_target;
use raft::machine::{Machine, MachineKind};

const BATCHES_MAX: usize = 12;
const CHANGES_MAX: usize = 4;

fuzz_target!(|data: &[u8]| {
    let mut recipe = Recipe(data);
    let kind = *recipe.pick(&[MachineKind::Queue, MachineKind::Catalog]);
    let mut history = History::new(kind);
    let mut machine = Machine::new(kind);
    for _ in 0..recipe.below(BATCHES_MAX) {
        machine.apply(&history.next(&mut recipe));
    }
    let mut rows: Vec<(Bytes, Bytes)> = rows::of(&machine).into_iter().collect();
    for _ in 0..=recipe.below(CHANGES_MAX) {
        change(&mut rows, &mut recipe);
    }
    let Ok(mut machine) = Machine::load(kind, rows) else {
        return;
    };
    for _ in 0..3 {
        let batch = history.next(&mut recipe);
        machine.apply(&batch);
        rows::look(&machine, batch.now_ms);
        let mut stored = Rows::new();
        rows::store(&mut stored, machine.take_delta());
    }
    // Rows need not be in order: a damaged one may stand under another's key.
    let rows = machine
        .rows()
        .into_iter()
        .map(|row| (row.key.clone(), row.value.encode()));
    let again = Machine::load(kind, rows).expect("its own rows can be loaded");
    assert_eq!(again.digest(), machine.digest());
});

fn change(rows: &mut Vec<(Bytes, Bytes)>, recipe: &mut Recipe) {
    let at = recipe.below(rows.len().max(1));
    let Some((key, value)) = rows.get(at).cloned() else {
        return;
    };
    match recipe.below(8) {
        0 => drop(rows.remove(at)),
        1 => rows.push((Bytes::copy_from_slice(recipe.bytes()), value)),
        2 => rows.push((damaged(&key, recipe), value)),
        3 => rows[at].0 = damaged(&key, recipe),
        4 => rows.push((key, Bytes::copy_from_slice(recipe.bytes()))),
        _ => rows[at].1 = damaged(&value, recipe),
    }
}

fn damaged(bytes: &Bytes, recipe: &mut Recipe) -> Bytes {
    let mut bytes = bytes.to_vec();
    let start = recipe.below(bytes.len() + 1);
    let end = bytes.len().min(start + recipe.below(4));
    let new = recipe.bytes();
    bytes.splice(start..end, new.iter().take(12).copied());
    bytes.into()
}
