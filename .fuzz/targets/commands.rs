//! Histories of a queue partition and of the catalog, with commands that make no sense and documents that nobody
//! checked: machines take them, and stay what their rows say.

#![no_main]

use fuzz::recipe::Recipe;
use fuzz::rows::{self, History, Rows};
use libfuzzer_sys::fuzz_target;
use raft::machine::{Machine, MachineKind};

const BATCHES_MAX: usize = 24;

fuzz_target!(|data: &[u8]| {
    let mut recipe = Recipe(data);
    let kind = *recipe.pick(&[MachineKind::Queue, MachineKind::Catalog]);
    let mut history = History::new(kind);
    let mut plain = Machine::new(kind);
    let mut restarted = Machine::new(kind);
    let mut stored = Rows::new();
    for _ in 0..BATCHES_MAX {
        if recipe.is_over() {
            break;
        }
        let batch = history.next(&mut recipe);
        let replies = rows::told(plain.apply(&batch));
        assert_eq!(replies.len(), batch.commands.len());
        assert_eq!(rows::told(restarted.apply(&batch)), replies);
        rows::look(&plain, batch.now_ms);
        if recipe.chance(40) {
            rows::store(&mut stored, restarted.take_delta());
            assert_eq!(stored, rows::of(&plain), "deltas give another state");
        }
        if recipe.chance(10) {
            stored = rows::of(&plain);
            restarted = Machine::load(kind, stored.clone()).expect("its own rows can be loaded");
        }
    }
    let loaded = Machine::load(kind, rows::of(&plain)).expect("its own rows can be loaded");
    assert_eq!(loaded.digest(), plain.digest());
});
