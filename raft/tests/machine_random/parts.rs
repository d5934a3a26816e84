//! A state that is read in parts while it changes, with what is cut meanwhile, is the one of the last cut.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::command::{Batch, Reply};
use raft::machine::{Delta, Machine, MachineKind};

use crate::random::Random;
use crate::{SEEDS, catalog_history, queue_history};

/// The latest word on each key.
#[derive(Default)]
struct Receiver {
    rows: BTreeMap<Bytes, Bytes>,
    changed: BTreeMap<Bytes, Option<Bytes>>,
}

impl Receiver {
    fn follow(&mut self, delta: Delta) {
        let puts = delta.puts.into_iter();
        let puts = puts.map(|row| (row.key, Some(row.value.encode())));
        let gone = delta.deletes.into_iter().map(|key| (key, None));
        self.changed.extend(puts.chain(gone));
    }

    fn finish(mut self, kind: MachineKind) -> Machine {
        for (key, value) in self.changed {
            match value {
                Some(value) => drop(self.rows.insert(key, value)),
                None => drop(self.rows.remove(&key)),
            }
        }
        Machine::load(kind, self.rows).expect("it is a state")
    }
}

/// Reads states in parts of a machine that goes on; returns how many were complete.
fn read(
    kind: MachineKind,
    seed: u64,
    mut next: impl FnMut() -> Batch,
    mut learn: impl FnMut(&Reply),
) -> usize {
    let mut random = Random(!seed);
    let mut machine = Machine::new(kind);
    let mut complete = 0;
    let mut apply = |machine: &mut Machine, batches: u64| {
        for _ in 0..batches {
            machine.apply(&next()).iter().for_each(&mut learn);
        }
    };
    for round in 0..20 {
        apply(&mut machine, random.below(30));
        if round > 0 {
            machine.take_delta();
        }
        apply(&mut machine, random.below(10));
        let mut parts = machine.parts();
        let mut receiver = Receiver::default();
        let mut has_failed = false;
        while !parts.is_done() {
            let rows = machine.next_part(&mut parts, 200);
            receiver
                .rows
                .extend(rows.into_iter().map(|row| (row.key, row.value.encode())));
            apply(&mut machine, random.below(3));
            if random.chance(10) {
                let delta = machine.take_delta();
                has_failed |= delta.clear;
                receiver.follow(delta);
            }
        }
        let delta = machine.take_delta();
        if !has_failed && !delta.clear {
            receiver.follow(delta);
            assert_eq!(
                receiver.finish(kind).digest(),
                machine.digest(),
                "seed {seed}, round {round}"
            );
            complete += 1;
        }
    }
    complete
}

#[test]
fn a_queue_that_is_read_in_parts_is_the_one_of_the_last_cut() {
    let mut complete = 0;
    for seed in SEEDS {
        let history = std::cell::RefCell::new(queue_history::History::travelling(seed));
        let next = || history.borrow_mut().next_batch().1;
        complete += read(MachineKind::Queue, seed, next, |reply| {
            history.borrow_mut().learn(reply)
        });
    }
    assert!(complete > SEEDS.count() * 10, "only {complete}");
}

#[test]
fn a_catalog_that_is_read_in_parts_is_the_one_of_the_last_cut() {
    let mut complete = 0;
    for seed in SEEDS {
        let mut history = catalog_history::History::new(seed);
        complete += read(MachineKind::Catalog, seed, || history.next_batch(), |_| {});
    }
    assert!(complete > SEEDS.count() * 10, "only {complete}");
}
