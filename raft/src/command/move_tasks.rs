//! Move tasks: messages of a queue for dead letters that go back where they came from, or elsewhere.
//!
//! The catalog holds which tasks there are and what became of them. What they have got done is counted by the
//! partitions that the messages leave, and reported from there.

use bytes::Bytes;

use super::catalog::ResourceKey;

/// Begins a move task. Replies `MoveTask` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StartMoveTask {
    /// What the task is called, 16 random bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub id: Bytes,
    /// The queue that the messages are in.
    #[prost(message, optional, tag = "2")]
    pub source: Option<ResourceKey>,
    /// The queue that they go to; none if each goes to the queue that it left as a dead letter.
    #[prost(message, optional, tag = "3")]
    pub destination: Option<ResourceKey>,
    /// Messages a second that may move; 0 if as many as can.
    #[prost(uint32, tag = "4")]
    pub rate_max: u32,
    /// How many tasks of the account may run then.
    #[prost(uint32, tag = "5")]
    pub tasks_max: u32,
}

/// Ends a task early. What has left arrives. Replies `MoveTask` or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelMoveTask {
    /// What the task is called.
    #[prost(bytes = "bytes", tag = "1")]
    pub id: Bytes,
    /// Its source.
    #[prost(message, optional, tag = "2")]
    pub source: Option<ResourceKey>,
}

/// How far a partition has got. Replies `Done`, also if the task or the partition's part of it has ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReportMoveTask {
    /// The number of the task.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// What the partition has got done.
    #[prost(message, optional, tag = "2")]
    pub part: Option<MovePart>,
    /// Why the task fails, if it does: then the others end, too.
    #[prost(string, tag = "3")]
    pub failure: String,
}

/// A move task as the catalog holds it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MoveTask {
    /// Rises from task to task.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// What clients call it, 16 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub id: Bytes,
    /// The queue that the messages are in.
    #[prost(message, optional, tag = "3")]
    pub source: Option<ResourceKey>,
    /// The queue that they go to, if it is the same for all.
    #[prost(message, optional, tag = "4")]
    pub destination: Option<ResourceKey>,
    /// Messages a second that may move; 0 if as many as can.
    #[prost(uint32, tag = "5")]
    pub rate_max: u32,
    /// When it was started.
    #[prost(uint64, tag = "6")]
    pub started_ms: u64,
    /// Where it is.
    #[prost(enumeration = "MoveStatus", tag = "7")]
    pub status: i32,
    /// The source's partitions when it was started.
    #[prost(message, repeated, tag = "8")]
    pub parts: Vec<MovePart>,
    /// Why it fails; empty if it does not.
    #[prost(string, tag = "9")]
    pub failure: String,
}

/// A partition's part in a move task.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct MovePart {
    /// The partition's group.
    #[prost(uint64, tag = "1")]
    pub group: u64,
    /// Messages that were to move when it began; absent before that.
    #[prost(uint64, optional, tag = "2")]
    pub to_move: Option<u64>,
    /// Messages that have arrived.
    #[prost(uint64, tag = "3")]
    pub moved: u64,
    /// Nothing more will move.
    #[prost(bool, tag = "4")]
    pub ended: bool,
}

/// Where a move task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum MoveStatus {
    /// Never sent by this version.
    Unspecified = 0,
    /// Messages move.
    Running = 1,
    /// Nothing more leaves; what has left arrives.
    Cancelling = 2,
    /// All have moved.
    Completed = 3,
    /// It ended early, as somebody wished.
    Cancelled = 4,
    /// It ended early for another reason.
    Failed = 5,
}

impl MoveTask {
    /// Whether it has not ended.
    pub fn is_active(&self) -> bool {
        matches!(self.status(), MoveStatus::Running | MoveStatus::Cancelling)
    }

    /// Messages that have arrived.
    pub fn moved(&self) -> u64 {
        self.parts.iter().map(|part| part.moved).sum()
    }

    /// Messages that were to move; `None` before it is known of each partition.
    pub fn to_move(&self) -> Option<u64> {
        self.parts.iter().map(|part| part.to_move).sum()
    }
}
