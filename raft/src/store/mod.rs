//! Checkpoints: durable, rebuildable copies of machines' states.
//!
//! A group's state lives in memory; what it was at some applied index is kept here, so that the
//! write-ahead log can be purged and a parked or restarted group comes back without its peers. A
//! checkpoint is a *header* (the applied index and whatever else the group needs; opaque here) and
//! *rows*, and both change together or not at all.
//!
//! What is damaged here is put aside and rebuilt from peers: it is reported as "no checkpoint",
//! never as somebody else's state. What another version wrote is refused. Nothing is deleted before
//! its replacement is durable. The Raft log is never kept here.
//!
//! [`FileStore`] is for production and simulation, [`MemoryStore`] for tests. [`LetterStore`] puts
//! letters into files of their own; [`Checkpointer`] runs it on a worker of its own.

use bytes::Bytes;

use crate::machine::Delta;
use crate::types::GroupId;

mod aside;
mod checkpointer;
mod encode;
mod error;
mod files;
mod letters;
mod memory;
mod sled_legacy;

pub use aside::PutAside;
pub use checkpointer::{CheckpointStats, Checkpointer};
pub(crate) use encode::encode;
pub use error::StoreError;
pub use files::{FileStore, FileStoreOptions};
pub use letters::{LetterStore, LettersOptions, Loaded};
pub use memory::MemoryStore;
pub use sled_legacy::convert as convert_sled;

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
    /// A group's checkpoint; none if there never was one, or if it was damaged and was put aside.
    ///
    /// # Errors
    /// [`StoreError::TooNew`], [`StoreError::TooOld`] and [`StoreError::Reading`] leave everything
    /// as it is.
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError>;

    /// Applies a delta (first `clear`, then `deletes`, then `puts`) and replaces the header, in one
    /// atomic step that is durable when this returns. A delta without `clear` needs a checkpoint to
    /// build on: without one the answer is [`StoreError::NoBase`], and the caller writes the whole
    /// state with `clear` set. So the first delta of a new group has it set, too.
    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError>;

    /// Adds a part to a whole state that is put together beside the checkpoint, which goes on to
    /// count: first its `deletes`, then its `puts`. The first part has `clear` set, which lets go
    /// of an earlier state that was begun; without it, and after a `forget`, the answer is
    /// [`StoreError::NotStaged`]. Nothing of it is durable yet.
    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError>;

    /// The rows that were put together so far, in the order of their keys.
    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// What was put together becomes the checkpoint, in one atomic step that is durable when this
    /// returns.
    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError>;

    /// Lets go of what was put together, if anything was.
    fn unstage(&self, group: GroupId) -> Result<(), StoreError>;

    /// Removes a group's checkpoint, durably, and what was put together beside it or put aside. For
    /// a group that has gone from this node: what is damaged is put aside instead.
    fn forget(&self, group: GroupId) -> Result<(), StoreError>;

    /// The groups that have a checkpoint, in order.
    fn groups(&self) -> Result<Vec<GroupId>, StoreError>;

    /// What [`Store::load`] gave makes no sense. It is kept, but does not count any more. The one
    /// before it does, if it is still there.
    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError>;

    /// What [`Store::load`] gave was seen to be whole: what it replaced can go, if anything is
    /// still there.
    fn proven(&self, group: GroupId) -> Result<(), StoreError>;

    /// What was put aside and is still there. Never waits for the disk.
    fn aside(&self) -> Vec<PutAside>;
}
