//! The replicated state machines. Pure: no clock, no randomness, no I/O, no `async`, and nothing
//! that depends on the order of a hash map. Two replicas that applied the same entries are equal,
//! to the last byte of their rows.

use bytes::Bytes;

use crate::command::{Batch, Reply};

pub mod catalog;
pub mod queue;

/// The kinds of groups. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MachineKind {
    /// What exists and where.
    Catalog = 1,
    /// One partition of a queue.
    Queue = 2,
}

/// The state of one replica of one group.
pub enum Machine {
    /// Of the catalog.
    Catalog(catalog::Catalog),
    /// Of a queue partition.
    Queue(queue::Queue),
}

/// One row of a machine's state as checkpoints and snapshots hold it. Keys sort bytewise and their
/// first byte is the table, listed in each machine's `rows.rs`.
#[derive(Clone)]
pub struct Row {
    /// The key, unique within the group.
    pub key: Bytes,
    /// The value.
    pub value: RowValue,
}

/// A row's value, encoded as late as possible: cutting a checkpoint happens between two entries
/// and must not copy bodies; encoding happens on the checkpoint's own thread.
#[derive(Clone)]
pub enum RowValue {
    /// Already bytes.
    Encoded(Bytes),
    /// A message, shared with the machine; `queue` encodes it.
    Message(queue::MessageRow),
}

/// What changed in a machine since the last cut.
#[derive(Clone, Default)]
pub struct Delta {
    /// If set, every row that was there before goes first.
    pub clear: bool,
    /// Rows to write.
    pub puts: Vec<Row>,
    /// Keys to remove.
    pub deletes: Vec<Bytes>,
}

/// A machine could not be built from rows: they are damaged, or of a newer version.
#[derive(Debug, thiserror::Error)]
#[error("state cannot be loaded: {0}")]
pub struct LoadError(pub String);

// The implementation:
//
// impl Machine {
//     pub fn new(kind) -> Machine                                  an empty one
//     pub fn apply(&mut self, batch: &Batch) -> Vec<Reply>         one reply for each command
//     pub fn take_delta(&mut self) -> Delta                        changes since the last call; marks all as clean
//     pub fn rows(&self) -> Vec<Row>                               the whole state, cheap (no body is copied)
//     pub fn load(kind, rows: impl IntoIterator<Item = (Bytes, Bytes)>) -> Result<Machine, LoadError>
//     pub fn digest(&self) -> u64                                  checksum over all rows: equal on equal replicas
// }
// impl RowValue { pub fn encode(&self) -> Bytes }
#[allow(unused)]
fn placeholder(_: &Batch, _: Reply) {}
