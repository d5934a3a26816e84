//! This node's copy of a group's state, shared between openraft, which writes it, and everybody
//! who reads it.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::types::{LogId, SnapshotMeta, StoredMembership};
use crate::machine::{Machine, MachineKind};

/// The state of one replica.
pub struct Replica {
    state: RwLock<State>,
    applied: watch::Sender<u64>,
    /// What the durable checkpoint covers.
    checkpoint: Mutex<SnapshotMeta>,
    /// Whether a checkpoint is being made.
    checkpointing: AtomicBool,
    /// Whether openraft's tasks run: before, it only wants to know what there is.
    running: AtomicBool,
    /// Held while the store is written; counts the states that were installed in place of this
    /// replica's own, on which an older delta must not be put.
    pub(super) installed: tokio::sync::Mutex<u64>,
}

pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) applied: Option<LogId>,
    pub(super) membership: StoredMembership,
}

impl State {
    pub(super) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
        }
    }
}

impl Replica {
    /// A replica that has applied nothing.
    pub(super) fn empty(kind: MachineKind) -> Replica {
        Replica::with(Machine::new(kind), SnapshotMeta::default())
    }

    /// A replica with the state of a checkpoint.
    pub(super) fn with(machine: Machine, meta: SnapshotMeta) -> Replica {
        let applied = next_index(&meta.last_log_id);
        let checkpoint = meta.clone();
        Replica {
            state: RwLock::new(State {
                machine,
                applied: meta.last_log_id,
                membership: meta.last_membership,
            }),
            applied: watch::Sender::new(applied),
            checkpoint: Mutex::new(checkpoint),
            checkpointing: AtomicBool::new(false),
            running: AtomicBool::new(false),
            installed: tokio::sync::Mutex::default(),
        }
    }

    /// Reads the machine. Keep it short: the next entry waits.
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        read(&self.state.read().machine)
    }

    /// How many entries have been applied, as it changes: the index after the last applied one.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// How many entries a durable checkpoint covers.
    pub fn checkpointed(&self) -> u64 {
        next_index(&self.checkpoint.lock().last_log_id)
    }

    pub(super) fn set_checkpointed(&self, meta: &SnapshotMeta) {
        let mut checkpoint = self.checkpoint.lock();
        if meta.last_log_id > checkpoint.last_log_id {
            *checkpoint = meta.clone();
        }
    }

    /// What the durable checkpoint covers, in openraft's words.
    pub(super) fn checkpoint(&self) -> SnapshotMeta {
        self.checkpoint.lock().clone()
    }

    /// Whether a checkpoint is being made.
    pub(super) fn is_checkpointing(&self) -> bool {
        self.checkpointing.load(Ordering::Acquire)
    }

    pub(super) fn set_checkpointing(&self, checkpointing: bool) {
        self.checkpointing.store(checkpointing, Ordering::Release);
    }

    /// Whether openraft's tasks run.
    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub(super) fn set_running(&self) {
        self.running.store(true, Ordering::Release);
    }

    pub(super) fn view<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read())
    }

    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write())
    }

    /// Tells the watchers how far this replica is. Called after [`Replica::update`], outside its lock.
    pub(super) fn announce(&self) {
        let now = self.view(|s| next_index(&s.applied));
        self.applied
            .send_if_modified(|known| std::mem::replace(known, now) != now);
    }
}

fn next_index(last: &Option<LogId>) -> u64 {
    last.as_ref().map_or(0, |id| id.index + 1)
}
