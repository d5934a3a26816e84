//! The threads that read. They come as they are needed, and end with the pool.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::env::{Blocking, Job};

/// Threads at most. A disk that takes some reads at a time serves as many as it can of these; one
/// more that hangs takes nothing from the runtime.
const THREADS_MAX: usize = 4;

/// Runs jobs on a few threads of its own.
#[derive(Default)]
pub struct ThreadReaders(Arc<Pool>);

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for work, those included that were told of some and are not awake yet:
    /// their jobs are still queued.
    idle: usize,
    over: bool,
}

impl Blocking for ThreadReaders {
    fn run(&self, job: Job) -> io::Result<()> {
        let mut state = self.0.state.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < THREADS_MAX {
            match start(&self.0) {
                Ok(()) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.jobs.pop_back();
                    return Err(error);
                }
                // Those that are there do it.
                Err(error) => tracing::warn!(%error, "no further thread to read with"),
            }
        }
        drop(state);
        self.0.work.notify_one();
        Ok(())
    }
}

impl Drop for ThreadReaders {
    fn drop(&mut self) {
        self.0.state.lock().over = true;
        self.0.work.notify_all();
    }
}

fn start(pool: &Arc<Pool>) -> io::Result<()> {
    let pool = pool.clone();
    let thread = thread::Builder::new().name("reader".to_owned());
    thread.spawn(move || pool.work()).map(drop)
}

impl Pool {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                MutexGuard::unlocked(&mut state, || {
                    // Who waits for it sees that it went; the others need this thread.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                });
            } else if state.over {
                return;
            } else {
                state.idle += 1;
                self.work.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}
