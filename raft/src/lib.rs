//! Agreement and state.
//!
//! What must survive a node lives here: the write-ahead log, one Raft group per partition, the
//! state machines that groups replicate, their checkpoints, and the transport between nodes.
//! Nothing here knows HTTP, an AWS protocol or a command line.

pub mod command;
pub mod env;
pub mod group;
pub mod groups;
pub mod histogram;
pub mod level;
pub mod machine;
pub mod peers;
pub mod planted;
pub mod store;
pub mod types;
pub mod wal;
pub mod witness;
