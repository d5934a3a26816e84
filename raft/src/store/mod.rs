//! Checkpoints: durable, rebuildable copies of machines' states.
//!
//! A group's state lives in memory; what it was at some applied index is kept here, so that the
//! write-ahead log can be purged and a parked or restarted group comes back without its peers. A
//! checkpoint is a *header* (the applied index and whatever else the group needs; opaque here)
//! and *rows*, and both change together or not at all.
//!
//! Everything here can be lost and is then rebuilt from peers: damage is reported as "no
//! checkpoint", never as somebody else's state. The Raft log is never kept here.
//!
//! [`SledStore`] is for production, [`MemoryStore`] for simulation, because sled
//! does its own I/O. [`LetterStore`] puts what is large into files of its own; [`Checkpointer`] runs it on a worker of its own.

use bytes::Bytes;

use crate::machine::Delta;
use crate::types::GroupId;

mod checkpointer;
mod encode;
mod error;
mod letters;
mod memory;
mod sled;

pub use checkpointer::{CheckpointStats, Checkpointer};
pub(crate) use encode::encode;
pub use error::StoreError;
pub use letters::{LetterStore, LettersOptions, Loaded};
pub use memory::MemoryStore;
pub use sled::{SledOptions, SledStore};

/// A group's state as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What came with the last write.
    pub header: Bytes,
    /// Key and value, in the order of the keys.
    pub rows: Vec<(Bytes, Bytes)>,
}

/// Where checkpoints are. Calls block.
pub trait Store: Send + Sync {
    /// A group's checkpoint; none if there never was one, or if it was damaged and had to go.
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError>;

    /// Applies a delta (first `clear`, then `deletes`, then `puts`) and replaces the header, in one
    /// atomic step that is durable when this returns. Keys begin with a byte from 0x01 to 0x7f. A delta without `clear` needs a checkpoint to
    /// build on: without one the answer is [`StoreError::NoBase`], and the caller writes the whole
    /// state with `clear` set. So the first delta of a new group has it set, too.
    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError>;

    /// Adds a part to a whole state that is put together beside the checkpoint, which goes on to count: first its `deletes`, then its
    /// `puts`. The first part has `clear` set, which lets go of an earlier state that was begun; without it, and after a `forget`, the
    /// answer is [`StoreError::NotStaged`]. Nothing of it is durable yet.
    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError>;

    /// The rows that were put together so far, in the order of their keys.
    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// What was put together becomes the checkpoint, in one atomic step that is durable when this returns.
    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError>;

    /// Lets go of what was put together, if anything was.
    fn unstage(&self, group: GroupId) -> Result<(), StoreError>;

    /// Removes a group's checkpoint, durably, and what was put together beside it.
    fn forget(&self, group: GroupId) -> Result<(), StoreError>;

    /// The groups that have a checkpoint, in order.
    fn groups(&self) -> Result<Vec<GroupId>, StoreError>;
}
