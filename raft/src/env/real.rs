//! The real clock, randomness, disk, network and threads: what production hands to a node.
//!
//! Nothing here decides anything; each type is a thin skin over the operating system, so that the
//! simulation can put another one in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Clock, Env, Io, Random};
use crate::level::Level;
use crate::types::Millis;

mod disk;
mod host;
mod net;
mod readers;
mod watchdog;
mod workers;

pub use disk::StdDisk;
pub use host::LinuxHost;
pub use net::TokioNet;
pub use readers::ThreadReaders;
pub use watchdog::{STANDSTILL, Standstill, Watchdog};
pub use workers::ThreadWorkers;

impl Env {
    /// The outside world as it is. Fails if the operating system gives no randomness.
    pub fn real() -> std::io::Result<Env> {
        Ok(Env {
            level: Level::LATEST,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom::new()?),
            disk: Arc::new(StdDisk),
            net: Arc::new(TokioNet),
            workers: Arc::new(ThreadWorkers),
            io: Io::new(ThreadReaders::default()),
            host: Arc::new(LinuxHost::default()),
            witness: None,
        })
    }
}

/// The system's wall clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        // A clock set before 1970 reads as 1970: machines clamp time so that it never goes back.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// SplitMix64, seeded once by the operating system. A call is one atomic addition: it stamps every
/// log entry, so that it must not be a system call.
pub struct OsRandom {
    state: AtomicU64,
}

impl OsRandom {
    /// The odd constant nearest to 2^64 divided by the golden ratio, as SplitMix64 prescribes.
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

    /// Takes a seed from the operating system.
    pub fn new() -> std::io::Result<OsRandom> {
        let seed = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(OsRandom {
            state: AtomicU64::new(seed),
        })
    }
}

impl Random for OsRandom {
    fn next_u64(&self) -> u64 {
        let before = self.state.fetch_add(Self::GAMMA, Ordering::Relaxed);
        let mut z = before.wrapping_add(Self::GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_differ() {
        let random = OsRandom::new().unwrap();
        let numbers: std::collections::BTreeSet<u64> = (0..1_000).map(|_| random.next_u64()).collect();
        assert_eq!(numbers.len(), 1_000);
        assert_ne!(
            OsRandom::new().unwrap().next_u64(),
            OsRandom::new().unwrap().next_u64()
        );
    }
}
