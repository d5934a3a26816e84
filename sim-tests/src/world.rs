//! Clock, randomness and workers of a simulated host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raft::env::{Clock, Env, Random, Waker, Workers};
use raft::types::Millis;
use tokio::sync::Notify;

use crate::disk::SimDisk;
use crate::net::SimNet;

/// The outside world of one simulated host, for one of its lives. `seed` is the host's.
pub fn env(seed: u64) -> Env {
    Env {
        clock: Arc::new(SimClock),
        random: Arc::new(SeededRandom(AtomicU64::new(seed))),
        disk: Arc::new(SimDisk::default()),
        net: Arc::new(SimNet),
        workers: Arc::new(TaskWorkers),
    }
}

struct SimClock;

impl Clock for SimClock {
    fn now(&self) -> Millis {
        let now = turmoil::since_epoch().unwrap_or_default();
        Millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}

/// SplitMix64.
struct SeededRandom(AtomicU64);

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Workers as tasks: the simulated disk belongs to the host's thread, and answers at once.
struct TaskWorkers;

impl Workers for TaskWorkers {
    fn run(&self, _: &str, mut step: Box<dyn FnMut() + Send>) -> Waker {
        let woken = Arc::new(Notify::new());
        let seen = Arc::downgrade(&woken);
        tokio::spawn(async move {
            while let Some(woken) = seen.upgrade() {
                let notified = woken.clone().notified_owned();
                // Only wakers keep it from now on: dropped, they end the task.
                drop(woken);
                notified.await;
                step();
            }
        });
        Waker(Arc::new(move || woken.notify_one()))
    }
}
