//! A node that is asked to stop gives away what it leads first, so that nobody has to notice its
//! absence by a timeout.

use std::sync::Arc;
use std::time::Duration;

use raft::group::{Group, NotDone};
use raft::groups::Groups;
use raft::peers::Peers;
use raft::types::NodeId;

use crate::metrics::Requests;
use crate::succession::{self, NotHandedOver};

/// How long the successor of one group may take to be elected.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before followers are looked at again of which none was ready to lead.
const READY_PAUSE: Duration = Duration::from_millis(50);
/// How long requests under way may take to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const DRAIN_PAUSE: Duration = Duration::from_millis(10);

/// Hands over every group that this node leads to its follower that is farthest.
pub async fn hand_over(groups: &Arc<Groups>, peers: &Arc<Peers>) {
    let led: Vec<Arc<Group>> = groups
        .list()
        .into_iter()
        .filter(|g| g.leadership().leads)
        .collect();
    futures::future::join_all(led.iter().map(|group| hand_over_one(group, peers))).await;
}

async fn hand_over_one(group: &Group, peers: &Peers) {
    match tokio::time::timeout(HAND_OVER_TIMEOUT, succeeded(group, peers)).await {
        Ok(Ok(Some(leader))) => tracing::info!(group = %group.id(), %leader, "handed over"),
        Ok(Ok(None)) => tracing::info!(group = %group.id(), "nobody is there to lead it"),
        Ok(Err(error)) => tracing::warn!(group = %group.id(), %error, "could not hand over"),
        Err(_) => tracing::warn!(group = %group.id(), "no successor in time"),
    }
}

/// Returns when another node leads, or if there is none that could.
async fn succeeded(group: &Group, peers: &Peers) -> Result<Option<NodeId>, NotDone> {
    loop {
        match succession::hand_over(group, peers, |_| true).await {
            Ok(_) => break,
            Err(NotHandedOver::NotDone(error)) => return Err(error),
            Err(NotHandedOver::NobodyReady) => {}
        }
        let mut others = group.members().0.into_iter().filter(|node| *node != peers.me());
        if !others.any(|node| peers.is_connected(node)) {
            return Ok(None);
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
    loop {
        let seen = group.leadership();
        match seen.leader {
            Some(leader) if !seen.leads && leader != peers.me() => return Ok(Some(leader)),
            _ => group.leadership_changed(seen).await,
        }
    }
}

/// Waits until the requests under way are answered, within a bound.
pub async fn drained(requests: &Requests) {
    let drained = async {
        while requests.in_flight() > 0 {
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("some requests were not finished in time");
    }
}
