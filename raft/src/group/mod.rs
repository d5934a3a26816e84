//! One Raft group. The only folder where openraft's types appear.

pub mod entry;
pub mod log;
pub mod types;
