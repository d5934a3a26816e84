//! Commands to the catalog about its nodes and about where groups live.

use super::catalog::NodeRecord;
use crate::level::{Level, NodeVersion};

impl NodeRecord {
    /// The node's release and level.
    pub fn node_version(&self) -> NodeVersion {
        let Ok(version) = self.version.parse();
        version
    }

    /// The highest level that the node knows.
    pub fn level(&self) -> Level {
        self.node_version().level
    }
}

/// Raises the cluster's level. Refused unless every node of the cluster knows it and none is held.
/// Replies `Done` or a refusal. A level never sinks.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RaiseLevel {
    /// The level.
    #[prost(uint32, tag = "1")]
    pub to: u32,
}

/// Has a node give away all that it has, or no more. Replies `Done` or a refusal.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct DrainNode {
    /// The node.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
    /// Whether it is to.
    #[prost(bool, tag = "2")]
    pub drain: bool,
}

/// Takes a node out of the cluster for ever; nothing may be placed on it. Replies `Done` or a refusal.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RemoveNode {
    /// The node.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// Takes in a node that has never voted, under the number that it wishes, or under a new one if that is or was another
/// node's. Replies `Node`, with the number, or a refusal; the same node gets the same number again.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AdmitNode {
    /// The node.
    #[prost(message, optional, tag = "1")]
    pub node: Option<NodeRecord>,
    /// A new number is larger than this one. Founders have theirs before the catalog knows of them.
    #[prost(uint64, tag = "2")]
    pub above: u64,
}

/// Gives a group other replicas, or another one that is to lead. Who has a replica keeps it until the group's leader reports,
/// with [`SettleGroup`], that it is no member any more. Replies `Done` or a refusal.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct MoveGroup {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group_id: u64,
    /// The version of the group's placement that this was decided on: it is refused if there is another one by now.
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// The nodes that are to have a replica; the first one is to lead.
    #[prost(uint64, repeated, tag = "3")]
    pub replicas: Vec<u64>,
}

/// The leader of a group says that its members are those that the catalog wants, and nobody else. Replies `Done` or a refusal.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SettleGroup {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group_id: u64,
    /// The version of the group's placement that was carried out.
    #[prost(uint64, tag = "2")]
    pub version: u64,
}

/// Has a group that lost its majority for good go on with the replica of one node, in a new epoch. All other replicas are
/// forgotten. Replies `Done` or a refusal.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RecoverGroup {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub group_id: u64,
    /// The version of the group's placement that this was decided on: it is refused if there is another one by now.
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// The node whose replica goes on; it must be a member.
    #[prost(uint64, tag = "3")]
    pub survivor: u64,
    /// The new epoch, one more than the group's: a repetition is refused.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
}

/// The catalog goes on in a new epoch, after it lost its majority for good: whatever it numbers from now on is numbered
/// higher than anything it may have forgotten. Replies `Done`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct EnterEpoch {
    /// The epoch of its group.
    #[prost(uint64, tag = "1")]
    pub epoch: u64,
}

/// A node has closed its replicas of deleted groups, has forgotten what it had of them, and never opens them again. Replies
/// `Done`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CloseReplicas {
    /// The node.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
    /// The groups.
    #[prost(uint64, repeated, tag = "2")]
    pub groups: Vec<u64>,
}

/// What is to be known of a node beside its record.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NodeStanding {
    /// The node.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
    /// It gives away what it has.
    #[prost(bool, tag = "2")]
    pub draining: bool,
    /// It is no node of this cluster any more, and its number is never used again.
    #[prost(bool, tag = "3")]
    pub removed: bool,
}
