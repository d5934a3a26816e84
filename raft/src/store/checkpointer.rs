//! The worker that reads and writes checkpoints, and the handle to it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::{LetterStore, PutAside, StoreError};
use crate::env::{Env, Waker};
use crate::histogram::{Counted, Histogram};
use crate::machine::queue::Stored;
use crate::machine::{Delta, Machine, MachineKind};
use crate::types::GroupId;

/// Jobs that may wait; more callers wait before they hand theirs in. Each may hold the rows of one
/// delta, which share the machine's bodies.
const QUEUE_MAX: usize = 16;

/// A handle to the store's worker; clones share it. The worker ends with the last one.
#[derive(Clone)]
pub struct Checkpointer {
    queue: Arc<Mutex<VecDeque<Job>>>,
    slots: Arc<Semaphore>,
    waker: Waker,
    counters: Arc<Counters>,
    store: Arc<LetterStore>,
}

/// What was written, for metrics.
#[derive(Clone, Debug, Default)]
pub struct CheckpointStats {
    /// Nanoseconds that each checkpoint took which was written.
    pub written_ns: Counted,
    /// Checkpoints that could not be written.
    pub failed: u64,
    /// Whole states of other nodes among those written.
    pub installed: u64,
    /// Jobs that wait for the worker, or are its present one.
    pub waiting: usize,
    /// Damaged checkpoints that were put aside and have not been replaced yet.
    pub put_aside: usize,
}

/// From 1 ms to 65 s.
type WriteTimes = Histogram<1_000_000, 18>;

#[derive(Default)]
struct Counters {
    written_ns: WriteTimes,
    failed: AtomicU64,
    installed: AtomicU64,
}

struct Job {
    group: GroupId,
    task: Task,
    _slot: OwnedSemaphorePermit,
}

enum Task {
    Load(MachineKind, Answer<Option<(Bytes, Machine)>>),
    Write(Bytes, Delta, Answer<Vec<(u64, Stored)>>),
    Stage(Delta, Answer<()>),
    Commit(Bytes, MachineKind, Answer<Machine>),
    Unstage(Answer<()>),
    Forget(Answer<()>),
    PutAside(String, Answer<()>),
    Groups(Answer<Vec<GroupId>>),
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

impl Checkpointer {
    /// Starts the worker.
    pub fn start(env: &Env, store: LetterStore) -> Checkpointer {
        let queue = Arc::new(Mutex::new(VecDeque::new()));
        let store = Arc::new(store);
        let (jobs, counters, worker) = (queue.clone(), Arc::<Counters>::default(), store.clone());
        let counting = counters.clone();
        let step = move || {
            loop {
                // A statement of its own: as the condition of a `while let`, the guard would live through the job, and whoever
                // asks for a checkpoint meanwhile would stand still on a runtime thread.
                let next = take_next(&mut jobs.lock());
                let Some(job) = next else { break };
                job.run(&worker, &counting);
            }
        };
        Checkpointer {
            queue,
            slots: Arc::new(Semaphore::new(QUEUE_MAX)),
            waker: env.workers.run("checkpoints", Box::new(step)),
            counters,
            store,
        }
    }

    /// What was written so far.
    pub fn stats(&self) -> CheckpointStats {
        CheckpointStats {
            written_ns: self.counters.written_ns.counted(),
            failed: self.counters.failed.load(Ordering::Relaxed),
            installed: self.counters.installed.load(Ordering::Relaxed),
            waiting: QUEUE_MAX.saturating_sub(self.slots.available_permits()),
            put_aside: self.store.aside().len(),
        }
    }

    /// See [`LetterStore::load_machine`].
    pub async fn load(
        &self,
        group: GroupId,
        kind: MachineKind,
    ) -> Result<Option<(Bytes, Machine)>, StoreError> {
        self.ask(group, |answer| Task::Load(kind, answer)).await
    }

    /// See [`LetterStore::write`]. Rows are encoded on the worker.
    pub async fn write(
        &self,
        group: GroupId,
        header: Bytes,
        delta: Delta,
    ) -> Result<Vec<(u64, Stored)>, StoreError> {
        self.ask(group, |answer| Task::Write(header, delta, answer)).await
    }

    /// See [`LetterStore::stage`].
    pub async fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        self.ask(group, |answer| Task::Stage(part, answer)).await
    }

    /// See [`LetterStore::commit`].
    pub async fn commit(
        &self,
        group: GroupId,
        header: Bytes,
        kind: MachineKind,
    ) -> Result<Machine, StoreError> {
        let commit = |answer| Task::Commit(header, kind, answer);
        let machine = self.ask(group, commit).await?;
        self.counters.installed.fetch_add(1, Ordering::Relaxed);
        Ok(machine)
    }

    /// See [`LetterStore::unstage`].
    pub async fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.ask(group, Task::Unstage).await
    }

    /// See [`LetterStore::forget`].
    pub async fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.ask(group, Task::Forget).await
    }

    /// See [`LetterStore::put_aside`].
    pub async fn put_aside(&self, group: GroupId, reason: String) -> Result<(), StoreError> {
        self.ask(group, |answer| Task::PutAside(reason, answer)).await
    }

    /// What was put aside and is still there.
    pub fn aside(&self) -> Vec<PutAside> {
        self.store.aside()
    }

    /// See [`LetterStore::groups`].
    pub async fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.ask(GroupId::CATALOG, Task::Groups).await
    }

    async fn ask<T>(&self, group: GroupId, task: impl FnOnce(Answer<T>) -> Task) -> Result<T, StoreError> {
        let slot = self.slots.clone().acquire_owned().await;
        let (sender, receiver) = oneshot::channel();
        self.queue.lock().push_back(Job {
            group,
            task: task(sender),
            _slot: slot.map_err(|_| StoreError::Stopped)?,
        });
        self.waker.wake();
        receiver.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// Loads go first, because somebody waits for a parked group; but never before what was asked
/// earlier about the same group.
fn take_next(jobs: &mut VecDeque<Job>) -> Option<Job> {
    let urgent = (0..jobs.len()).find(|&at| {
        matches!(jobs[at].task, Task::Load(..)) && jobs.range(..at).all(|job| job.group != jobs[at].group)
    });
    jobs.remove(urgent.unwrap_or(0))
}

impl Job {
    fn run(self, store: &LetterStore, counters: &Counters) {
        let group = self.group;
        match self.task {
            Task::Load(kind, answer) => drop(reply(answer, || store.load_machine(group, kind))),
            Task::Write(header, delta, answer) => {
                let begun = Instant::now();
                let written = reply(answer, || store.write(group, header, delta));
                counters.count(written, begun.elapsed());
            }
            Task::Stage(part, answer) => drop(reply(answer, || store.stage(group, part))),
            Task::Commit(header, kind, answer) => {
                let begun = Instant::now();
                let committed = reply(answer, || store.commit(group, header, kind));
                counters.count(committed, begun.elapsed());
            }
            Task::Unstage(answer) => drop(reply(answer, || store.unstage(group))),
            Task::Forget(answer) => drop(reply(answer, || store.forget(group))),
            Task::PutAside(reason, answer) => drop(reply(answer, || store.put_aside(group, &reason))),
            Task::Groups(answer) => drop(reply(answer, || store.groups())),
        }
    }
}

impl Counters {
    fn count(&self, written: Written, took: Duration) {
        match written {
            Written::Done => self.written_ns.count_time(took),
            // Whoever asked gives the whole state instead, which counts.
            Written::NoBase => {}
            Written::Failed => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// How a job ended.
enum Written {
    Done,
    NoBase,
    Failed,
}

/// A panic is answered, too: the worker must live for the groups that are not concerned.
fn reply<T>(answer: Answer<T>, body: impl FnOnce() -> Result<T, StoreError>) -> Written {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let panicked = || StoreError::Failed("the checkpoint worker has panicked".into());
    let outcome = outcome.unwrap_or_else(|_| Err(panicked()));
    let written = match &outcome {
        Ok(_) => Written::Done,
        Err(StoreError::NoBase(_)) => Written::NoBase,
        Err(_) => Written::Failed,
    };
    // Nobody waiting any more is no error.
    drop(answer.send(outcome));
    written
}
