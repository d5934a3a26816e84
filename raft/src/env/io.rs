//! Reads that block on the disk, off the runtime's threads.
//!
//! A runtime thread that waits for a disk stops everything that has its turn on it: heartbeats,
//! elections, requests for other groups. So whatever async code has to read goes through here. At
//! most [`READS_MAX`] reads are handed to the pool at a time; further callers wait for their turn,
//! in the order in which they came. A caller that is dropped gives its place back: what it asked
//! for is not read any more, or, if that has begun, ends by itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::histogram::{Counted, Histogram};

/// Reads that the pool has at a time, under way or queued.
pub const READS_MAX: usize = 64;

/// Something to be run where it may block.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs that block. In production a few threads do; in simulation a task on the simulated
/// host.
pub trait Blocking: Send + Sync {
    /// Runs a job soon, and each job at some time, also if those before it panic. [`Io`] hands in
    /// [`READS_MAX`] at most at a time.
    ///
    /// # Errors
    /// If nothing can run it.
    fn run(&self, job: Job) -> io::Result<()>;
}

/// The entrance to the pool; clones share it.
#[derive(Clone)]
pub struct Io(Arc<Shared>);

struct Shared {
    pool: Box<dyn Blocking>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    read_ns: ReadTimes,
}

/// From 10 µs to 10 s.
type ReadTimes = Histogram<10_000, 21>;

/// What was read, for metrics.
#[derive(Clone, Debug, Default)]
pub struct ReadStats {
    /// Nanoseconds that each read took, without its time in the queue.
    pub read_ns: Counted,
    /// Callers whose read is not done.
    pub waiting: usize,
}

impl Io {
    /// Over a pool.
    pub fn new(pool: impl Blocking + 'static) -> Io {
        Io(Arc::new(Shared {
            pool: Box::new(pool),
            slots: Arc::new(Semaphore::new(READS_MAX)),
            waiting: AtomicUsize::new(0),
            read_ns: ReadTimes::default(),
        }))
    }

    /// Reads, where that may block.
    ///
    /// # Errors
    /// If nothing can run it, or if it panics; what it fails with itself is its own result.
    pub async fn run<T: Send + 'static>(&self, read: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let _waiting = Waiting::begin(&self.0);
        let slot = self.0.slots.clone().acquire_owned().await;
        let (answer, answered) = oneshot::channel();
        let shared = self.0.clone();
        let job = move || {
            if answer.is_closed() {
                return;
            }
            let begun = Instant::now();
            let outcome = read();
            shared.read_ns.count_time(begun.elapsed());
            // Before the caller knows: whoever was answered takes no place.
            drop(slot);
            drop(answer.send(outcome));
        };
        self.0.pool.run(Box::new(job))?;
        let panicked = |_| io::Error::other("a read from the disk panicked");
        answered.await.map_err(panicked)
    }

    /// What was read so far.
    pub fn stats(&self) -> ReadStats {
        ReadStats {
            read_ns: self.0.read_ns.counted(),
            waiting: self.0.waiting.load(Ordering::Relaxed),
        }
    }

    /// Places that nobody has.
    pub fn free(&self) -> usize {
        self.0.slots.available_permits()
    }
}

/// Counts a caller as long as it lives.
struct Waiting<'a>(&'a Shared);

impl Waiting<'_> {
    fn begin(shared: &Shared) -> Waiting<'_> {
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
