//! What the operating system knows of this process and of its disk: numbers for metrics, which nothing decides by.

use std::path::Path;
use std::time::Duration;

use crate::histogram::Counted;

/// The operating system. What it does not tell is none.
pub trait Host: Send + Sync {
    /// What this process uses.
    fn process(&self) -> Option<ProcessUsage>;
    /// The file system that a path is on.
    fn space(&self, path: &Path) -> Option<Space>;
    /// Bytes on disk that belong to a folder and all that is in it. Blocks.
    fn occupied(&self, folder: &Path) -> Option<u64>;
    /// How the threads of the process's runtime stood still, if somebody watches them.
    fn standstills(&self) -> Option<StandstillStats> {
        None
    }
}

/// What was seen of runtime threads that stood still.
#[derive(Clone, Debug, Default)]
pub struct StandstillStats {
    /// Nanoseconds that each standstill lasted, of those that are over.
    pub lasted_ns: Counted,
    /// The longest, one that is not over included.
    pub longest: Duration,
    /// Threads that stand still now.
    pub now: usize,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Processor time, in user and kernel mode.
    pub cpu: Duration,
    /// Memory that is in RAM.
    pub resident_bytes: u64,
    /// Address space.
    pub virtual_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// As many as may be open; none if there is no limit.
    pub descriptors_max: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// When it started, from the Unix epoch on.
    pub started: Duration,
}

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its size.
    pub total_bytes: u64,
    /// What this process may still use of it.
    pub free_bytes: u64,
}

/// Tells nothing: for simulation, where a number of the real machine would make each run another one.
pub struct NoHost;

impl Host for NoHost {
    fn process(&self) -> Option<ProcessUsage> {
        None
    }

    fn space(&self, _: &Path) -> Option<Space> {
        None
    }

    fn occupied(&self, _: &Path) -> Option<u64> {
        None
    }
}
