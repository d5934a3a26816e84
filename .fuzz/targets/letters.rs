//! A queue whose letters are in files, after rows and files were damaged: there is no checkpoint any more, or one whose
//! messages are read as they were sent, or as an error.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fuzz::damage;
use fuzz::disk::MemoryDisk;
use fuzz::recipe::Recipe;
use fuzz::rows::History;
use libfuzzer_sys::fuzz_target;
use raft::command::Reply;
use raft::machine::{Delta, Machine, MachineKind, Row};
use raft::store::{LetterStore, LettersOptions, MemoryStore, Store};
use raft::types::GroupId;

const GROUP: GroupId = GroupId(7);
const FOLDER: &str = "/letters";
const BATCHES_MAX: usize = 16;
/// So small that chunks and files come and go all the time.
const OPTIONS: LettersOptions = LettersOptions {
    bytes_min: 200,
    chunk_span: 6,
    file_bytes: 1_000,
    front: 1,
};

fuzz_target!(|data: &[u8]| {
    let mut recipe = Recipe(data);
    let (rows, disk) = (Arc::new(MemoryStore::default()), MemoryDisk::default());
    let mut history = History::new(MachineKind::Queue);
    let queue = write(&open(&rows, &disk), &mut history, &mut recipe);

    let is_whole = recipe.chance(10);
    let mut files = disk.files();
    if !is_whole {
        if recipe.chance(50) {
            damage::some(&mut files, &mut recipe);
        }
        damage_rows(&rows, &mut recipe);
    }
    let store = open(&rows, &MemoryDisk::with(files));
    let Some(loaded) = store.load(GROUP).expect("the store works") else {
        assert!(!is_whole);
        return;
    };
    let machine = Machine::load_with(MachineKind::Queue, loaded.rows, loaded.chunks);
    if is_whole {
        assert_eq!(machine.as_ref().map(Machine::digest).ok(), Some(queue.digest()));
    }
    if let Ok(mut machine) = machine {
        work(&mut machine, &mut history, &mut recipe);
    }
});

fn open(rows: &Arc<MemoryStore>, disk: &MemoryDisk) -> LetterStore {
    let rows: Arc<dyn Store> = rows.clone();
    LetterStore::open(rows, Arc::new(disk.clone()), Path::new(FOLDER), OPTIONS)
        .expect("the folder can be read")
}

/// A queue as a checkpoint has it.
fn write(store: &LetterStore, history: &mut History, recipe: &mut Recipe) -> Machine {
    let mut machine = Machine::new(MachineKind::Queue);
    for number in 0..=recipe.below(BATCHES_MAX) {
        machine.apply(&history.next(recipe));
        let mut delta = machine.take_delta();
        delta.clear |= number == 0;
        let stored = store.write(GROUP, Bytes::new(), delta).expect("the store works");
        machine.release(stored, OPTIONS.front);
    }
    machine
}

/// Bytes of one row become others, or a row goes.
fn damage_rows(store: &MemoryStore, recipe: &mut Recipe) {
    let checkpoint = store.load(GROUP).ok().flatten().expect("it was just written");
    let mut rows: BTreeMap<Bytes, Bytes> = checkpoint.rows.into_iter().collect();
    let keys: Vec<Bytes> = rows.keys().cloned().collect();
    let key = recipe.pick(&keys).clone();
    let mut value = rows[&key].to_vec();
    match recipe.below(4) {
        0 => return,
        1 => drop(rows.remove(&key)),
        2 => {
            let mut other = key.to_vec();
            let at = recipe.below(other.len());
            other[at] = recipe.byte();
            rows.insert(other.into(), value.into());
        }
        _ => {
            let start = recipe.below(value.len() + 1);
            let end = value.len().min(start + recipe.below(4));
            value.splice(start..end, recipe.bytes().iter().take(12).copied());
            rows.insert(key, value.into());
        }
    }
    let rows = rows.into_iter().filter(|(key, _)| !key.is_empty()).map(Row::from);
    let delta = Delta::whole(rows.collect());
    store.write(GROUP, Bytes::new(), delta).expect("the store works");
}

fn work(machine: &mut Machine, history: &mut History, recipe: &mut Recipe) {
    for _ in 0..4 {
        let batch = history.next(recipe);
        for reply in machine.apply(&batch) {
            if let Reply::Unread(unread) = reply {
                let _ = unread.read();
            }
        }
        fuzz::rows::look(machine, batch.now_ms);
    }
}
