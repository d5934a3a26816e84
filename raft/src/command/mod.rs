//! What travels in a Raft log: batches of commands, and the replies that applying them gives.
//!
//! These are the *log types*: protobuf, so that nodes of neighbouring versions understand each
//! other. Tags are permanent: a field that goes leaves its number unused for ever. Wire types (in
//! `api`) and state types (in `machine`) are others and change freely.

use bytes::Bytes;

use crate::machine::queue::UnreadReply;

pub mod catalog;
pub mod cluster;
pub mod move_tasks;
pub mod queue;

/// The payload of one normal log entry: commands that were gathered while the previous append was
/// in flight, with the leader's time and a seed for everything that must look random.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Batch {
    /// The leader's clock when the batch was formed, in milliseconds since the Unix epoch. The
    /// machine clamps it so that it never goes back.
    #[prost(uint64, tag = "1")]
    pub now_ms: u64,
    /// Random bits from the leader; the machine derives message ids from it.
    #[prost(uint64, tag = "2")]
    pub seed: u64,
    /// Encoded commands of the group's kind, in order.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub commands: Vec<Bytes>,
    /// How many bytes the machine may remember of answered calls; 0 for as many as it does without
    /// being told. From level 1 on.
    #[prost(uint64, tag = "6")]
    pub remember_bytes: u64,
}

/// The reply to one command. Its kind is the group's.
#[derive(Debug)]
pub enum Reply {
    /// From a catalog.
    Catalog(catalog::CatalogReply),
    /// From a queue partition.
    Queue(queue::QueueReply),
    /// From a queue partition, with messages that have to be read from files first. Never leaves the replica's node.
    Unread(Box<UnreadReply>),
    /// The command cannot be decoded, or needs a higher level than the machine has: it changed nothing, on every replica alike.
    Unintelligible,
}
