//! A queue whose letters leave memory for files answers what one answers that keeps all of them, also after it was
//! loaded from its checkpoint, whatever goes when.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft::env::Disk;
use raft::env::real::StdDisk;
use raft::machine::{Delta, Machine, MachineKind, Row};
use raft::store::{LetterStore, LettersOptions, MemoryStore, Store};
use raft::types::GroupId;

use crate::SEEDS;
use crate::queue_history::History;
use crate::random::Random;
use crate::rows::{counted_bytes, told};

const GROUP: GroupId = GroupId(7);
/// So small that chunks and files come and go all the time.
const OPTIONS: LettersOptions = LettersOptions {
    bytes_min: 600,
    chunk_span: 6,
    file_bytes: 3_000,
    front: 2,
};

fn open(rows: &Arc<MemoryStore>, folder: &Path) -> LetterStore {
    let rows: Arc<dyn Store> = rows.clone();
    LetterStore::open(rows, Arc::new(StdDisk), folder, OPTIONS).expect("the folder can be read")
}

fn load(store: &LetterStore) -> Machine {
    let loaded = store.load(GROUP).expect("the store works");
    let loaded = loaded.expect("there is a checkpoint");
    Machine::load_with(MachineKind::Queue, loaded.rows, loaded.chunks)
        .expect("what was written can be loaded")
}

/// Gives the store a state in parts, in which some rows come twice and some only to go again.
fn put_together(store: &LetterStore, random: &mut Random, rows: Vec<Row>) -> Machine {
    let mut part = Delta {
        clear: true,
        ..Delta::default()
    };
    let mut again: Vec<Row> = Vec::new();
    for row in rows {
        if random.chance(20) {
            again.push(row.clone());
        }
        part.puts.push(row);
        if random.chance(10) {
            let part = std::mem::take(&mut part);
            store.stage(GROUP, part).expect("the store works");
            for row in again.drain(..) {
                if random.chance(50) {
                    let gone = Delta {
                        deletes: vec![row.key.clone()],
                        ..Delta::default()
                    };
                    store.stage(GROUP, gone).expect("the store works");
                }
                let back = Delta {
                    puts: vec![row],
                    ..Delta::default()
                };
                store.stage(GROUP, back).expect("the store works");
            }
        }
    }
    store.stage(GROUP, part).expect("the store works");
    let machine = store.commit(GROUP, Bytes::new(), MachineKind::Queue);
    machine.expect("it is a state")
}

fn encoded(machine: &Machine) -> Vec<(Bytes, Bytes)> {
    let rows = machine.rows().into_iter();
    rows.map(|row| (row.key, row.value.encode())).collect()
}

fn files(folder: &Path) -> usize {
    StdDisk.list(&folder.join("7")).map_or(0, |files| files.len())
}

#[test]
fn letters_in_files_are_the_same_letters() {
    let mut most = 0;
    for seed in SEEDS {
        let mut history = History::travelling(seed);
        let mut random = Random(!seed);
        let dir = tempfile::tempdir().expect("there is room");
        let rows = Arc::new(MemoryStore::default());
        let mut store = open(&rows, dir.path());
        let mut plain = Machine::new(MachineKind::Queue);
        let mut lettered = Machine::new(MachineKind::Queue);
        let mut begun = false;
        // What was applied since the last checkpoint: a restart goes through it again, as through a log.
        let mut log = Vec::new();
        for _ in 0..600 {
            let (_, batch) = history.next_batch();
            let replies = plain.apply(&batch);
            replies.iter().for_each(|reply| history.learn(reply));
            assert_eq!(told(lettered.apply(&batch)), told(replies), "seed {seed}");
            // It is the same wherever the letters are.
            assert_eq!(lettered.message_bytes(), counted_bytes(&lettered), "seed {seed}");
            assert_eq!(lettered.message_bytes(), plain.message_bytes(), "seed {seed}");
            log.push(batch);
            if random.chance(20) {
                let mut delta = lettered.take_delta();
                delta.clear |= !begun;
                begun = true;
                let stored = store.write(GROUP, Bytes::new(), delta).expect("the store works");
                lettered.release(stored, OPTIONS.front);
                log.clear();
                most = most.max(files(dir.path()));
                assert_eq!(
                    lettered.digest(),
                    plain.digest(),
                    "seed {seed}: after a checkpoint"
                );
                assert_eq!(
                    load(&store).digest(),
                    plain.digest(),
                    "seed {seed}: as it is loaded"
                );
            }
            if begun && random.chance(3) {
                // Another replica's state is installed.
                lettered =
                    Machine::load(MachineKind::Queue, encoded(&plain)).expect("its own rows can be loaded");
                let rows = if random.chance(50) {
                    lettered.rows()
                } else {
                    encoded(&plain).into_iter().map(Row::from).collect()
                };
                if random.chance(50) {
                    lettered = put_together(&store, &mut random, rows);
                } else {
                    let stored = store.write(GROUP, Bytes::new(), Delta::whole(rows));
                    lettered.release(stored.expect("the store works"), OPTIONS.front);
                }
                log.clear();
            }
            if begun && random.chance(10) {
                store = open(&rows, dir.path());
                lettered = load(&store);
                for batch in &log {
                    lettered.apply(batch);
                }
            }
        }
        store.forget(GROUP).expect("the store works");
        assert_eq!(files(dir.path()), 0, "seed {seed}: files of nobody");
    }
    assert!(most > 3, "there were never more than {most} files");
}
