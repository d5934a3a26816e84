//! `millrace status`: what a cluster looks like. Each node tells what it knows (`here.rs`); the command
//! asks one node for the others and puts their answers together (`gather.rs`). `table.rs` and `levels.rs`
//! are for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::pb;

mod gather;
mod here;
mod levels;
mod table;

pub(crate) use gather::ask;
pub use gather::{is_ready, of_cluster};
pub use here::of_node;
pub use levels::levels;
pub use table::table;

/// What one node knows.
#[derive(Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its number.
    pub node: u64,
    /// Its cluster, or empty.
    pub cluster: String,
    /// Whether it is ready for clients.
    pub ready: bool,
    /// The members, from its catalog.
    pub members: Vec<Member>,
    /// Its replicas.
    pub replicas: Vec<Replica>,
    /// How far its clock is ahead of the agreed time, in milliseconds, unless that is unknown.
    #[serde(default)]
    pub clock_offset_ms: Option<i64>,
    /// Whether a majority's clocks decide its time.
    #[serde(default)]
    pub clock_agreed: bool,
    /// Whether its disk is full.
    #[serde(default)]
    pub disk_full: bool,
    /// Whether its memory is full.
    #[serde(default)]
    pub memory_full: bool,
    /// If it leads the catalog: how many groups should be placed elsewhere next.
    #[serde(default)]
    pub planned: Option<u64>,
    /// If it leads the catalog: groups that make no progress on their way, and why.
    #[serde(default)]
    pub stuck: BTreeMap<u64, String>,
    /// Its replicas that are out of service.
    #[serde(default)]
    pub quarantined: Vec<QuarantinedReplica>,
    /// Damaged checkpoints that it put aside and that have not been replaced yet.
    #[serde(default)]
    pub put_aside: Vec<pb::PutAside>,
    /// The cluster's level, from its catalog.
    #[serde(default)]
    pub level: u32,
    /// Groups of which it has something on its disk, or is a founder, and that it has neither open nor quarantined; none if
    /// that could not be found out in time.
    #[serde(default)]
    pub closed: Option<Vec<u64>>,
}

/// A replica that is out of service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantinedReplica {
    /// The group.
    pub group: u64,
    /// `account/region/name` of its queue.
    pub queue: Option<String>,
    /// `entry`, `files` or `level`.
    pub cause: String,
    /// The index of the log entry that could not be applied, if it was one.
    pub index: Option<u64>,
    /// Why.
    pub reason: String,
    /// Since when, in milliseconds since the Unix epoch, by the node's clock.
    pub since_ms: u64,
    /// The version of the program that could not go on.
    pub version: String,
    /// The file that its log is in, if it had to make way for others.
    #[serde(default)]
    pub log_file: Option<String>,
}

/// A member of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// `host:port` of its AWS API.
    pub api: String,
    /// `host:port` of its peer listener.
    pub peer: String,
    /// `host:port` of its admin listener.
    pub admin: String,
    /// Its zone, or empty.
    pub zone: String,
    /// The version it runs.
    pub version: String,
}

/// One replica.
#[derive(Debug, Serialize, Deserialize)]
pub struct Replica {
    /// The group.
    pub group: u64,
    /// `catalog` or `queue`.
    pub kind: String,
    /// `account/region/name` of its queue.
    pub queue: Option<String>,
    /// Where the catalog places it.
    pub placed: Vec<u64>,
    /// The term.
    pub term: u64,
    /// The leader that this replica knows.
    pub leader: Option<u64>,
    /// Whether this replica leads.
    pub leads: bool,
    /// Index after the last applied entry.
    pub applied: u64,
    /// Index after the last log entry.
    pub last: u64,
    /// Index after the last entry covered by a checkpoint.
    pub checkpointed: u64,
    /// Index of the first entry that is still in the log.
    pub first: u64,
    /// About how many bytes its messages have.
    #[serde(default)]
    pub bytes: u64,
    /// How the comparison of its state with its leader's stands.
    #[serde(default)]
    pub verified: pb::Verified,
    /// Its group's level.
    #[serde(default)]
    pub level: u32,
    /// Index and term of the last log entry.
    #[serde(default)]
    pub last_entry: Option<(u64, u64)>,
    /// The time of the last batch that it applied, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub applied_ms: u64,
    /// Whether it leads, and a majority confirmed that a moment ago.
    #[serde(default)]
    pub leads_with_lease: bool,
    /// The voters of the last configuration in its log: two sets while a change of members is joint.
    #[serde(default)]
    pub voters: Vec<Vec<u64>>,
}
