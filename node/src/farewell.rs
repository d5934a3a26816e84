//! A node that is asked to stop gives away what it leads first, so that nobody has to notice its
//! absence by a timeout.

use std::sync::Arc;
use std::time::Duration;

use raft::group::Group;
use raft::groups::Groups;
use raft::peers::Peers;

use crate::metrics::Requests;

/// How long the successor of one group may take to be elected.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(2);
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
    let (voters, _) = group.members();
    let successor = group
        .lags()
        .into_iter()
        .filter(|(node, _)| voters.contains(node) && *node != peers.me() && peers.is_connected(*node))
        .filter_map(|(node, lag)| lag.map(|lag| (lag, node)))
        .min();
    let Some((_, successor)) = successor else { return };
    let handed_over = async {
        group.hand_over(successor).await?;
        loop {
            let seen = group.leadership();
            if !seen.leads && seen.leader.is_some_and(|l| l != peers.me()) {
                return Ok::<(), raft::group::NotDone>(());
            }
            group.leadership_changed(seen).await;
        }
    };
    match tokio::time::timeout(HAND_OVER_TIMEOUT, handed_over).await {
        Ok(Ok(())) => tracing::info!(group = %group.id(), %successor, "handed over"),
        Ok(Err(error)) => tracing::warn!(group = %group.id(), %error, "could not hand over"),
        Err(_) => tracing::warn!(group = %group.id(), %successor, "no successor in time"),
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
