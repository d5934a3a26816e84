//! A log whose writer works when it is told to, so that each run makes the same calls of the disk.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use raft::env::{Env, Waker, Workers};
use raft::wal::{Wal, WalError};

use super::disk::CrashDisk;
use crate::support::small;

type Step = Box<dyn FnMut() + Send>;

/// The workers of one process; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<Mutex<Vec<Step>>>);

impl Workers for Hand {
    fn run(&self, _: &str, step: Step) -> Waker {
        self.0.lock().push(step);
        Waker(Arc::new(|| {}))
    }
}

impl Hand {
    /// Lets each worker do all that it has to do.
    pub(crate) fn work(&self) {
        self.0.lock().iter_mut().for_each(|step| step());
    }
}

/// A process with an open log.
pub(crate) struct Process {
    pub(crate) wal: Wal,
    pub(crate) hand: Hand,
}

impl Process {
    pub(crate) fn start(disk: &CrashDisk) -> Result<Process, WalError> {
        let hand = Hand::default();
        let mut env = Env::real().unwrap();
        env.disk = Arc::new(disk.clone());
        env.workers = Arc::new(hand.clone());
        let wal = Wal::open(&env, Path::new("/log"), small())?;
        Ok(Process { wal, hand })
    }
}
