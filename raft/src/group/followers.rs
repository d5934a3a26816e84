//! What a leader knows of the other replicas, for those who watch over a cluster.

use std::time::Duration;

use openraft::Instant;
use openraft::async_runtime::WatchReceiver;

use super::Group;
use crate::types::NodeId;

/// Another replica as the leader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Where it is.
    pub node: NodeId,
    /// Whether it has a vote.
    pub votes: bool,
    /// Entries that it lacks of the leader's log; unknown until it has answered for the first time.
    pub lag: Option<u64>,
    /// How long ago the leader sent what it acknowledged last; unknown until it has answered for the first time. An
    /// idle leader asks with every heartbeat.
    pub heard: Option<Duration>,
}

impl Group {
    /// The other replicas; none unless this node leads.
    pub fn followers(&self) -> Vec<Follower> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let (Some(replication), Some(heartbeat)) = (&metrics.replication, &metrics.heartbeat) else {
            return Vec::new();
        };
        let last = metrics.last_log_index.map_or(0, |index| index + 1);
        let membership = metrics.membership_config.membership();
        let voters: Vec<NodeId> = membership.voter_ids().collect();
        let others = replication.iter().filter(|(node, _)| **node != self.me);
        let followers = others.map(|(node, matched)| Follower {
            node: *node,
            votes: voters.contains(node),
            lag: matched
                .as_ref()
                .map(|matched| last.saturating_sub(matched.index + 1)),
            heard: heartbeat.get(node).copied().flatten().map(|at| at.elapsed()),
        });
        followers.collect()
    }

    /// When another node last asked this replica for a part of its state, and in which transfer; none if none is under way.
    pub fn last_asked_for_state(&self) -> Option<(tokio::time::Instant, u64)> {
        self.replica.transfers().used()
    }
}
