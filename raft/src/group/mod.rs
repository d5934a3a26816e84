//! One Raft group. The only folder where openraft's types appear.

pub mod types;
