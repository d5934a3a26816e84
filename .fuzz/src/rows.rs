//! Machines and their rows: histories from a recipe, and what a machine owes to its rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::command::{Batch, Reply};
use raft::machine::{Delta, Machine, MachineKind};

use crate::recipe::Recipe;
use crate::{catalog, queue};

/// Rows by key, as a store holds them.
pub type Rows = BTreeMap<Bytes, Bytes>;

/// The next commands of a history.
pub struct History {
    kind: MachineKind,
    now: u64,
    begun: bool,
}

impl History {
    /// A history of a machine of this kind.
    pub fn new(kind: MachineKind) -> History {
        History {
            kind,
            now: 1_000_000,
            begun: false,
        }
    }

    /// The next batch.
    pub fn next(&mut self, recipe: &mut Recipe) -> Batch {
        self.now = match recipe.byte() {
            250.. => recipe.number(),
            240..250 => self.now.saturating_sub(3_000),
            _ => self.now.saturating_add(queue::span(recipe)),
        };
        let command = match self.kind {
            MachineKind::Catalog => catalog::command,
            MachineKind::Queue => queue::command,
        };
        let mut commands: Vec<Bytes> = (0..=recipe.below(4)).map(|_| command(recipe)).collect();
        if !std::mem::replace(&mut self.begun, true) && self.kind == MachineKind::Catalog {
            commands.insert(0, catalog::first_node());
        }
        Batch {
            now_ms: self.now,
            seed: 42,
            commands,
            ..Batch::default()
        }
    }
}

/// All rows of a machine, which are in order and each there once.
pub fn of(machine: &Machine) -> Rows {
    let rows = machine.rows();
    assert!(rows.is_sorted_by(|left, right| left.key < right.key));
    rows.into_iter()
        .map(|row| (row.key, row.value.encode()))
        .collect()
}

/// Puts a delta on top of what is stored.
pub fn store(stored: &mut Rows, delta: Delta) {
    if delta.clear {
        stored.clear();
    }
    for key in &delta.deletes {
        stored.remove(key);
    }
    stored.extend(delta.puts.into_iter().map(|row| (row.key, row.value.encode())));
}

/// Replies as they can be compared.
pub fn told(replies: Vec<Reply>) -> Vec<String> {
    replies.iter().map(|reply| format!("{reply:?}")).collect()
}

/// What a leader asks a machine between two batches: it must have an answer.
pub fn look(machine: &Machine, now: u64) {
    let now = raft::types::Millis(now);
    if let Some(queue) = machine.as_queue() {
        let counts = queue.counts(now);
        assert!(queue.visible_count(now) <= counts.visible);
        assert_eq!(queue.figures(now, usize::MAX).counts, counts);
        let _ = queue.figures(now, 1);
        let _ = (
            queue.next_change(now),
            queue.oldest_sent(),
            queue.approximate_bytes(),
        );
        let _ = (queue.move_progress(1), queue.movable(10).read());
    }
    if let Some(catalog) = machine.as_catalog() {
        for task in catalog.active_move_tasks() {
            let _ = (task.moved(), task.to_move());
        }
        for queue in catalog.all_queues() {
            let key = queue.key.clone().unwrap_or_default();
            let _ = catalog.dead_letter_sources(&key, Some("a")).count();
            let _ = catalog
                .queues(&key.account, &key.region, "o", Some("orders"))
                .count();
        }
    }
}
