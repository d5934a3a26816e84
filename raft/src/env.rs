//! The seams to the outside world: clock, randomness, disk and network.
//!
//! Production hands in the real ones ([`real`]), the simulation hands in turmoil's. Code in this
//! workspace never calls `SystemTime::now`, a random generator, `std::fs` or `tokio::net` on its
//! own (timers may use `tokio::time`, which simulation controls).

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::level::Level;
use crate::types::Millis;
use crate::witness::Witness;

mod host;
mod io;
pub mod real;

pub use self::io::{Blocking, Io, Job, READS_MAX, ReadStats};
pub use host::{Host, NoHost, ProcessUsage, Space, StandstillStats};

/// Everything a node needs from outside, cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// What leases are measured by.
    pub uptime: Arc<dyn Uptime>,
    /// Randomness for identifiers and jitter; never secrets.
    pub random: Arc<dyn Random>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Connections.
    pub net: Arc<dyn Net>,
    /// How blocking loops (WAL writer, checkpoint writer) are run.
    pub workers: Arc<dyn Workers>,
    /// Where async code reads what may block.
    pub io: Io,
    /// What the operating system tells of the process and of its disk.
    pub host: Arc<dyn Host>,
    /// The highest level that the node knows. Lower than its binary's only for a node that acts as an older release.
    pub level: Level,
    /// Who watches what the node's replicas do; nobody in production.
    pub witness: Option<Arc<dyn Witness>>,
}

/// Wall time, which may jump. Only leaders stamp entries with it.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch; 0 while the time is unknown, so that nothing is due.
    fn now(&self) -> Millis;

    /// The time to stamp an entry with; `None` while it is unknown. Then nothing may be proposed.
    fn stamp(&self) -> Option<Millis> {
        Some(self.now())
    }
}

/// Time that passes evenly and is never set: what leases are measured by.
pub trait Uptime: Send + Sync {
    /// Time since some moment, that in which the machine was suspended included.
    fn uptime(&self) -> Duration;
}

/// A source of random numbers.
pub trait Random: Send + Sync {
    /// 64 uniformly distributed bits.
    fn next_u64(&self) -> u64;
}

/// Whether there is no space left on a disk. That passes, once somebody makes room.
pub fn is_no_space(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// The files of a node, in the manner of `std::fs`. All calls block.
pub trait Disk: Send + Sync {
    /// Opens for reading and writing; creates an empty file where there is none and `create` is set.
    fn open(&self, path: &Path, create: bool) -> std::io::Result<Arc<dyn DiskFile>>;
    /// Creates a folder and its parents.
    fn create_dir_all(&self, path: &Path) -> std::io::Result<()>;
    /// The entries of a folder, sorted by path.
    fn list(&self, path: &Path) -> std::io::Result<Vec<PathBuf>>;
    /// Renames a file over another one, atomically.
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> std::io::Result<()>;
    /// Removes a folder with all that is in it.
    fn remove_dir_all(&self, path: &Path) -> std::io::Result<()>;
    /// Makes creations, renames and removals in this folder durable.
    fn sync_dir(&self, path: &Path) -> std::io::Result<()>;
    /// Takes an exclusive lock that lasts as long as the value lives; an error if another process holds it.
    fn lock(&self, path: &Path) -> std::io::Result<Box<dyn std::any::Any + Send + Sync>>;
}

/// An open file. Offsets are bytes from its start.
pub trait DiskFile: Send + Sync {
    /// Fills `buf` from `offset`, or fails.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<()>;
    /// Writes all of `buf` at `offset`.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> std::io::Result<()>;
    /// Makes the data durable (fdatasync).
    fn sync_data(&self) -> std::io::Result<()>;
    /// Reserves space for `len` bytes and sets the length to it; contents past the old end read as zeros.
    fn allocate(&self, len: u64) -> std::io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> std::io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> std::io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A byte stream between two hosts.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A boxed future, for the traits that must be object safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Connections. Addresses are `host:port`; names are resolved at each call, because pods move.
pub trait Net: Send + Sync {
    /// Connects. No time limit of its own: callers have deadlines.
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, std::io::Result<Box<dyn Stream>>>;
    /// Listens.
    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, std::io::Result<Box<dyn Listener>>>;
}

/// A listening socket.
pub trait Listener: Send + Sync {
    /// The next connection and its peer's address.
    fn accept<'a>(&'a self) -> BoxFuture<'a, std::io::Result<(Box<dyn Stream>, String)>>;
    /// Where it listens, with the port that was chosen if port 0 was asked for.
    fn local_address(&self) -> std::io::Result<String>;
}

/// Runs the two blocking loops of a node. In production each is a thread of its own; in
/// simulation each is a task on the simulated host, because turmoil's world is bound to its thread.
pub trait Workers: Send + Sync {
    /// Runs `step` again and again, whenever [`Waker::wake`] was called since it last began, until
    /// the returned waker and its clones are dropped.
    fn run(&self, name: &str, step: Box<dyn FnMut() + Send>) -> Waker;
}

/// Wakes a worker; clones share it.
#[derive(Clone)]
pub struct Waker(pub Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// Makes the worker's step run at least once more from now on.
    pub fn wake(&self) {
        (self.0)()
    }
}
