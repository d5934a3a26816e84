//! Whether a cluster can do without a node for a while. Kubernetes knows which pods are ready, and stops one after the other;
//! it does not know how far their replicas are. A node whose end would take the majority from a group waits for the others, for a time.

use std::collections::BTreeMap;
use std::time::Duration;

use raft::env::Env;
use tokio::time::Instant;

use crate::status;

/// A replica that lacks fewer entries catches up within the time of an election.
const LAG_MAX: u64 = 1_000;
const PAUSE: Duration = Duration::from_millis(500);

/// Waits until every group of this node has a majority without it, for at most `patience`. `admin` is its own admin listener.
pub(super) async fn wait(env: &Env, admin: &str, patience: Duration) {
    let end = Instant::now() + patience;
    loop {
        let Ok(me) = status::ask(env, admin).await else {
            // Nobody is served by a node that does not even answer.
            return;
        };
        let Ok(cluster) = status::of_cluster(env, admin).await else {
            return;
        };
        let groups = cluster.groups.iter();
        let needing: Vec<u64> = groups
            .filter(|group| needs(&group.replicas, &group.lag, me.node))
            .map(|group| group.id)
            .collect();
        if needing.is_empty() {
            return;
        }
        if Instant::now() + PAUSE >= end {
            tracing::warn!(groups = ?needing, "some groups will have no majority");
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a group would lose its majority with `me`, although it could keep one. `lag` has the replicas that answered.
fn needs(replicas: &[u64], lag: &BTreeMap<u64, u64>, me: u64) -> bool {
    let majority = replicas.len() / 2 + 1;
    let others = || replicas.iter().filter(|node| **node != me);
    let following = others().filter(|node| lag.get(node).is_some_and(|lag| *lag < LAG_MAX));
    // One or two replicas never have a majority without one of them: waiting would not help.
    others().count() < replicas.len() && others().count() >= majority && following.count() < majority
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_needs_a_node_as_long_as_the_others_are_no_majority() {
        let lag = |pairs: &[(u64, u64)]| pairs.iter().copied().collect();
        let needs = |lag: &BTreeMap<u64, u64>| needs(&[1, 2, 3], lag, 1);
        assert!(!needs(&lag(&[(1, 0), (2, 0), (3, 10)])));
        assert!(
            needs(&lag(&[(1, 0), (2, 0), (3, LAG_MAX)])),
            "node 3 is far behind"
        );
        assert!(needs(&lag(&[(1, 0), (3, 0)])), "node 2 is away");
    }

    #[test]
    fn nobody_waits_where_waiting_does_not_help() {
        let nobody = BTreeMap::new();
        assert!(!needs(&[1], &nobody, 1));
        assert!(!needs(&[1, 2], &nobody, 1));
        assert!(!needs(&[2, 3, 4], &nobody, 1), "the group is not on this node");
    }
}
