//! The outside world of a simulated host: everything that `node::run` is handed, with dials at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raft::env::{Clock, Env, Io, NoHost, Random};
use raft::level::Level;
use raft::types::Millis;
use raft::witness::Witness;

mod checkpoints;
mod dials;
mod disk;
mod net;
mod pages;
mod readers;
mod workers;

pub(crate) use checkpoints::{lose_checkpoint, spoil_checkpoint};
pub use dials::{Dials, Ending};
pub(crate) use disk::{damage, wipe};

use crate::rng::Rng;
use disk::SimDisk;
pub(crate) use net::SimNet;
use readers::TaskReaders;
use workers::TaskWorkers;

/// The world of one life of a host. `seed` is this life's; the dials are the host's.
pub fn env(seed: u64, dials: &Arc<Dials>, witness: Option<Arc<dyn Witness>>) -> Env {
    dials.begin_life();
    Env {
        level: Level::LATEST,
        clock: Arc::new(SimClock(dials.clone())),
        random: Arc::new(SeededRandom(AtomicU64::new(seed))),
        disk: Arc::new(SimDisk::new(dials.clone())),
        net: Arc::new(SimNet),
        workers: Arc::new(TaskWorkers(dials.clone())),
        io: Io::new(TaskReaders(dials.clone())),
        host: Arc::new(NoHost),
        witness,
    }
}

struct SimClock(Arc<Dials>);

impl Clock for SimClock {
    fn now(&self) -> Millis {
        let now = turmoil::since_epoch().unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Millis(now.saturating_add_signed(self.0.clock_offset_ms()))
    }
}

/// Draws are independent of each other even if two threads of a host raced for them: it has one.
struct SeededRandom(AtomicU64);

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let mut rng = Rng::new(self.0.load(Ordering::Relaxed));
        let drawn = rng.next();
        self.0.store(rng.next(), Ordering::Relaxed);
        drawn
    }
}
