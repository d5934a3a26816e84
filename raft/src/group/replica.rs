//! This node's copy of a group's state, shared between openraft, which writes it, and everybody
//! who reads it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::NotDone;
use super::pace::Pace;
use super::transfers::Transfers;
use super::types::{LogId, SnapshotMeta, StoredMembership};
use super::unwritten::Unwritten;
use super::verify::SLICES_MAX;
use super::verify::ledger::Ledger;
use crate::env::Io;
use crate::machine::{Machine, MachineKind};
use crate::quarantine::{Broken, Cause, guarded};

/// After a checkpoint for which there was no space, none is tried for so long. The pause doubles so often at most.
const NO_SPACE_PAUSE: Duration = Duration::from_secs(10);
const NO_SPACE_DOUBLED_MAX: u32 = 4;

/// The state of one replica.
pub struct Replica {
    state: RwLock<State>,
    applied: watch::Sender<u64>,
    checkpointed: AtomicU64,
    checkpoints_under_way: AtomicUsize,
    /// Until when no checkpoint is tried, because there was no space for one.
    no_space_until: Mutex<Option<Instant>>,
    no_space_times: AtomicU32,
    unwritten: Mutex<Unwritten>,
    has_ended: AtomicBool,
    broken: OnceLock<Broken>,
    pace: Pace,
    transfers: Transfers,
    ledger: Ledger,
    slices: Arc<Semaphore>,
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
        Replica {
            state: RwLock::new(State {
                machine,
                applied: meta.last_log_id,
                membership: meta.last_membership,
            }),
            applied: watch::Sender::new(applied),
            checkpointed: AtomicU64::new(applied),
            checkpoints_under_way: AtomicUsize::new(0),
            no_space_until: Mutex::new(None),
            no_space_times: AtomicU32::new(0),
            unwritten: Mutex::default(),
            has_ended: AtomicBool::new(false),
            broken: OnceLock::new(),
            pace: Pace::default(),
            transfers: Transfers::default(),
            ledger: Ledger::default(),
            slices: Arc::new(Semaphore::new(SLICES_MAX)),
        }
    }

    /// Reads the machine. Keep it short: the next entry waits.
    ///
    /// A panic of `read` breaks the replica; then `read` is called again, with what a broken replica
    /// has instead of its machine (`Replica::break_off`).
    pub fn read<T>(&self, mut read: impl FnMut(&Machine) -> T) -> T {
        match guarded(|| read(&self.state.read().machine)) {
            Ok(value) => value,
            Err(panic) => {
                let index = self.view(|s| s.applied.map(|id| id.index));
                self.break_off(
                    Cause::Entry,
                    index,
                    &format!("reading the state panicked: {panic}"),
                );
                read(&self.state.read().machine)
            }
        }
    }

    /// How many entries have been applied, as it changes: the index after the last applied one.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// How many entries a durable checkpoint covers.
    pub fn checkpointed(&self) -> u64 {
        self.checkpointed.load(Ordering::Relaxed)
    }

    /// There was no space for a checkpoint: each attempt would write much for nothing.
    pub(super) fn pause_for_space(&self) {
        let times = self.no_space_times.fetch_add(1, Ordering::Relaxed);
        let pause = NO_SPACE_PAUSE * 2_u32.pow(times.min(NO_SPACE_DOUBLED_MAX));
        *self.no_space_until.lock() = Some(Instant::now() + pause);
    }

    /// What changed before the last cut and is in no checkpoint. Of who writes to the store.
    pub(super) fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock()
    }

    /// Whether a checkpoint may be tried.
    pub(super) fn may_have_space(&self) -> bool {
        self.no_space_until
            .lock()
            .is_none_or(|until| Instant::now() >= until)
    }

    /// Whether a checkpoint is being written.
    pub(super) fn is_checkpointing(&self) -> bool {
        self.checkpoints_under_way.load(Ordering::Relaxed) > 0
    }

    /// Whether a durable checkpoint has everything that this state has. It is asked for under the state's lock.
    pub(super) fn is_checkpointed(&self, state: &State) -> bool {
        !self.is_checkpointing() && next_index(&state.applied) == self.checkpointed()
    }

    /// Whole states that are on their way to other nodes.
    pub(super) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// The comparison of this state with the leader's.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Slices of this state that may wait for their digest.
    pub(super) fn slices(&self) -> &Arc<Semaphore> {
        &self.slices
    }

    pub(super) fn set_checkpointed(&self, meta: &SnapshotMeta) {
        *self.unwritten.lock() = Unwritten::Nothing;
        self.no_space_times.store(0, Ordering::Relaxed);
        self.checkpointed
            .fetch_max(next_index(&meta.last_log_id), Ordering::Relaxed);
    }

    /// Whether nothing will be applied any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Nothing will be applied any more. Wakes who waits for it.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.applied.send_modify(|_| {});
    }

    /// Reads what this replica keeps in files. If it cannot be read, the replica's checkpoint is
    /// worth nothing: it stops, and comes back with the state of another one.
    pub(super) async fn read_files<T: Send + 'static>(
        &self,
        io: &Io,
        read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, NotDone> {
        match io.run(read).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => {
                self.fail(&error);
                Err(NotDone::Stopped)
            }
            // It says nothing about the files.
            Err(error) => {
                tracing::error!(%error, "nothing was read from a replica's files");
                Err(NotDone::Busy)
            }
        }
    }

    /// What is in files cannot be read.
    pub fn fail(&self, error: &std::io::Error) {
        let broken = Broken {
            cause: Cause::Files,
            index: None,
            reason: format!("a letter of a message cannot be read: {error}"),
        };
        if self.broken.set(broken).is_ok() {
            tracing::error!(%error, "a letter of a message cannot be read");
        }
    }

    /// The machine cannot go on: nothing is applied or saved any more. What it was doing may be half
    /// done. So a queue's state is dropped, and who still reads finds an empty machine. A catalog's
    /// stays, because an empty one would say that no queue exists; its node's life ends now.
    pub(super) fn break_off(&self, cause: Cause, index: Option<u64>, reason: &str) {
        let broken = Broken {
            cause,
            index,
            reason: reason.to_owned(),
        };
        if self.broken.set(broken).is_ok() {
            tracing::error!(index, reason, "a replica's state machine cannot go on");
        }
        let mut state = self.state.write();
        let kind = state.machine.kind();
        let dropped =
            (kind != MachineKind::Catalog).then(|| std::mem::replace(&mut state.machine, Machine::new(kind)));
        self.has_ended.store(true, Ordering::Release);
        drop(state);
        drop(dropped);
        self.end();
    }

    /// Ends the replica and leaves an empty machine.
    pub(super) fn take_machine(&self) -> Machine {
        let mut state = self.state.write();
        // Under the lock: nothing is applied to the empty one.
        self.has_ended.store(true, Ordering::Release);
        let kind = state.machine.kind();
        let machine = std::mem::replace(&mut state.machine, Machine::new(kind));
        drop(state);
        self.end();
        machine
    }

    /// Why this replica cannot go on, if it cannot.
    pub(crate) fn broken(&self) -> Option<&Broken> {
        self.broken.get()
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) fn view<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read())
    }

    /// Changes the state. `index` is that of the entry that does it, if one does.
    ///
    /// # Errors
    /// If `change` panics, which breaks the replica, or if it has ended before.
    pub(super) fn update<T>(
        &self,
        index: Option<u64>,
        change: impl FnOnce(&mut State) -> T,
    ) -> std::io::Result<T> {
        let changed = guarded(|| {
            let mut state = self.state.write();
            // Under the lock, as the machine is dropped when the replica breaks.
            (!self.has_ended()).then(|| change(&mut state))
        });
        match changed {
            Ok(Some(changed)) => Ok(changed),
            Ok(None) => Err(std::io::Error::other("the replica has ended")),
            Err(panic) => {
                let reason = format!("the state machine panicked: {panic}");
                self.break_off(Cause::Entry, index, &reason);
                Err(std::io::Error::other(reason))
            }
        }
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

/// Says that a checkpoint is being written, as long as it lives.
pub(super) struct Checkpointing(Arc<Replica>);

impl Checkpointing {
    pub(super) fn begin(replica: &Arc<Replica>) -> Checkpointing {
        replica.checkpoints_under_way.fetch_add(1, Ordering::Relaxed);
        Checkpointing(replica.clone())
    }
}

impl Drop for Checkpointing {
    fn drop(&mut self) {
        self.0.checkpoints_under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
