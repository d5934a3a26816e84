//! The replicated state machines. Pure: no clock, no randomness, no I/O, no `async`, and nothing
//! that depends on the order of a hash map. Two replicas that applied the same entries are equal,
//! to the last byte of their rows.
//!
//! A machine takes a [`Batch`] and gives one [`Reply`] for each command. It does not know Raft, the
//! log, or where it is saved: it hands out its state as [`Row`]s, all of them for a snapshot, or
//! those that changed for a checkpoint.

use bytes::Bytes;

use crate::command::{Batch, Reply};
use crate::level::Level;
use crate::types::Millis;

pub mod catalog;
mod clock;
mod idempotency;
mod index;
mod mix;
mod parts;
pub mod queue;
mod ring;
pub(crate) mod row;
pub(crate) mod tables;
mod window;

pub use parts::{Parts, Position};
pub use row::{Delta, Later, LoadError, Row, RowValue};
pub use window::WindowStats;

/// The kinds of groups. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MachineKind {
    /// What exists and where.
    Catalog = 1,
    /// One partition of a queue.
    Queue = 2,
}

impl TryFrom<u8> for MachineKind {
    type Error = LoadError;

    fn try_from(number: u8) -> Result<MachineKind, LoadError> {
        match number {
            1 => Ok(MachineKind::Catalog),
            2 => Ok(MachineKind::Queue),
            other => Err(LoadError::TooNew(format!(
                "kind {other} of machine, which this version does not know"
            ))),
        }
    }
}

/// The state of one replica of one group.
// A replica holds one machine; the difference in size between the variants costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum Machine {
    /// Of the catalog.
    Catalog(catalog::Catalog),
    /// Of a queue partition.
    Queue(queue::Queue),
}

impl Machine {
    /// An empty machine.
    pub fn new(kind: MachineKind) -> Machine {
        match kind {
            MachineKind::Catalog => Machine::Catalog(catalog::Catalog::new()),
            MachineKind::Queue => Machine::Queue(queue::Queue::new()),
        }
    }

    /// The time of the last batch that it applied.
    pub fn now(&self) -> Millis {
        match self {
            Machine::Catalog(catalog) => catalog.now(),
            Machine::Queue(queue) => queue.now(),
        }
    }

    /// What it is a machine of.
    pub fn kind(&self) -> MachineKind {
        match self {
            Machine::Catalog(_) => MachineKind::Catalog,
            Machine::Queue(_) => MachineKind::Queue,
        }
    }

    /// What it behaves by, and what it takes to read what it writes.
    pub fn level(&self) -> Level {
        match self {
            Machine::Catalog(catalog) => catalog.level(),
            Machine::Queue(queue) => queue.level(),
        }
    }

    /// The queue partition, if it is one.
    pub fn as_queue(&self) -> Option<&queue::Queue> {
        match self {
            Machine::Queue(queue) => Some(queue),
            Machine::Catalog(_) => None,
        }
    }

    /// The catalog, if it is one.
    pub fn as_catalog(&self) -> Option<&catalog::Catalog> {
        match self {
            Machine::Catalog(catalog) => Some(catalog),
            Machine::Queue(_) => None,
        }
    }

    /// Applies a batch; one reply for each of its commands, in order. What cannot be decoded
    /// changes nothing and answers [`Reply::Unintelligible`].
    pub fn apply(&mut self, batch: &Batch) -> Vec<Reply> {
        match self {
            Machine::Catalog(catalog) => catalog.apply(batch),
            Machine::Queue(queue) => queue.apply(batch),
        }
    }

    /// What changed since the last call, or since the machine was made or loaded; marks all as
    /// clean. Costs as much as there are changes, and copies no bodies.
    pub fn take_delta(&mut self) -> Delta {
        let (delta, later) = self.cut();
        later.add_to(delta)
    }

    /// Rows of what changed since the last cut, about as many as that, as they are now; none if the
    /// rest is due. [`Machine::cut`] takes the rest, and all together are its delta:
    /// [`Delta::of_portions`]. What changes between the portions is in a later one.
    pub fn cut_some(&mut self, rows_max: usize) -> Option<Delta> {
        match self {
            Machine::Catalog(_) => None,
            Machine::Queue(queue) => queue.cut_some(rows_max),
        }
    }

    /// The same as [`Machine::take_delta`] without rows that can be made later, as what is remembered of calls after a purge.
    /// They are as the state is now.
    pub fn cut(&mut self) -> (Delta, Later) {
        match self {
            Machine::Catalog(catalog) => (catalog.take_delta(), Later::default()),
            Machine::Queue(queue) => queue.cut(),
        }
    }

    /// The whole state, sorted by key. Copies no bodies.
    pub fn rows(&self) -> Vec<Row> {
        match self {
            Machine::Catalog(catalog) => catalog.rows(),
            Machine::Queue(queue) => queue.rows(),
        }
    }

    /// Begins to read the state in parts.
    pub fn parts(&self) -> Parts {
        match self {
            Machine::Catalog(catalog) => catalog.parts(),
            Machine::Queue(queue) => queue.parts(),
        }
    }

    /// The next part of what the last cut held, each row as it is by now, without those that are gone: rows of about `bytes_max` in all, one at least;
    /// none if that was all. Entries may be applied between parts. What they change is in the next delta.
    pub fn next_part(&self, parts: &mut Parts, bytes_max: usize) -> Vec<Row> {
        match self {
            Machine::Catalog(catalog) => catalog.next_part(parts, bytes_max),
            Machine::Queue(queue) => queue.next_part(parts, bytes_max),
        }
    }

    /// A slice of the state as it is, from a place on: rows of about `bytes_max` in all, one at
    /// least if there are any; and where the next slice begins, none if this was the last one. The
    /// same on replicas that applied the same entries.
    pub fn slice(&self, at: Position, bytes_max: usize) -> (Vec<Row>, Option<Position>) {
        let mut parts = self.parts();
        parts.go_to(at);
        let rows = self.next_part(&mut parts, bytes_max);
        (rows, parts.position())
    }

    /// Builds a machine from what [`Machine::rows`] gave, keys and encoded values, in any order.
    /// Its next delta is relative to these rows.
    pub fn load(
        kind: MachineKind,
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
    ) -> Result<Machine, LoadError> {
        Machine::load_with(kind, rows, Vec::new())
    }

    /// The same with messages whose letters are in files.
    pub fn load_with(
        kind: MachineKind,
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
        chunks: Vec<queue::Chunk>,
    ) -> Result<Machine, LoadError> {
        Ok(match kind {
            MachineKind::Catalog => Machine::Catalog(catalog::Catalog::load(rows)?),
            MachineKind::Queue => Machine::Queue(queue::Queue::load(rows, chunks)?),
        })
    }

    /// Letters of a queue's messages that a checkpoint has put into files leave memory, except those of the first
    /// `front` sequences.
    pub fn release(&mut self, stored: Vec<(u64, queue::Stored)>, front: u64) {
        if let Machine::Queue(queue) = self {
            queue.release(stored, front);
        }
    }

    /// What is no part of the state any more: to be dropped where nobody waits for it.
    pub fn take_garbage(&mut self) -> Option<queue::Garbage> {
        match self {
            Machine::Queue(queue) => queue.take_garbage(),
            Machine::Catalog(_) => None,
        }
    }

    /// What it remembers of answered calls.
    pub fn remembered(&self) -> WindowStats {
        match self {
            Machine::Catalog(catalog) => catalog.remembered(),
            Machine::Queue(queue) => queue.remembered(),
        }
    }

    /// About how many bytes its messages have, in memory or in files, whatever else it holds; none for a catalog. Costs nothing:
    /// it is kept with every message that comes or goes.
    pub fn message_bytes(&self) -> u64 {
        self.as_queue().map_or(0, queue::Queue::approximate_bytes)
    }

    /// About how many bytes of memory it takes; none for a catalog, which is small. Costs nothing.
    pub fn memory_bytes(&self) -> u64 {
        self.as_queue().map_or(0, queue::Queue::memory_bytes)
    }

    /// A checksum over all rows: equal on replicas that applied the same entries.
    pub fn digest(&self) -> u64 {
        row::digest(&self.rows())
    }
}
