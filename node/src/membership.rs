//! Who votes in the catalog's group: its leader takes in nodes that registered. Every node holds a
//! replica; three of them vote, five if there are as many nodes, the others learn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::types::NodeId;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;

/// How often the leader compares the members with the registered nodes.
const INTERVAL: Duration = Duration::from_millis(500);
/// A learner may vote if it lacks fewer entries of the leader's log: one that nobody has heard of
/// would count in majorities without being able to make one.
const LAG_MAX: u64 = 1_000;

/// Takes in nodes, whenever this one leads the catalog, until `stop`.
pub async fn keep(catalog: Arc<CatalogView>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !catalog.group().leadership().leads {
            continue;
        }
        let registered: BTreeSet<NodeId> = catalog.nodes().iter().map(|n| NodeId(n.node_id)).collect();
        let (voters, learners) = catalog.group().members();
        let members: BTreeSet<NodeId> = voters.union(&learners).copied().collect();
        if let Err(error) = step(&catalog, &registered, &voters, &members).await {
            tracing::warn!(%error, "the catalog's membership could not be changed yet");
        }
    }
}

async fn step(
    catalog: &CatalogView,
    registered: &BTreeSet<NodeId>,
    voters: &BTreeSet<NodeId>,
    members: &BTreeSet<NodeId>,
) -> Result<(), String> {
    if let Some(new) = registered.difference(members).next() {
        tracing::info!(node = %new, "a node gets a replica of the catalog");
        return catalog.group().add_learner(*new).await;
    }
    let wanted = voters_wanted(members.len());
    if voters.len() >= wanted {
        return Ok(());
    }
    let lags = catalog.group().lags();
    let caught_up = |node: &NodeId| {
        lags.iter()
            .any(|(n, lag)| n == node && lag.is_some_and(|l| l < LAG_MAX))
    };
    let learners: Vec<NodeId> = members.difference(voters).copied().filter(caught_up).collect();
    let Some(next) = next_voters(voters, &learners, wanted) else {
        return Ok(());
    };
    tracing::info!(voters = ?next, "more nodes vote in the catalog");
    catalog.group().set_voters(next).await
}

/// The voters after taking in as many of these learners as make an odd number, if that is more.
fn next_voters(voters: &BTreeSet<NodeId>, learners: &[NodeId], wanted: usize) -> Option<BTreeSet<NodeId>> {
    let possible = wanted.min(voters.len() + learners.len());
    let odd = possible.checked_sub((possible + 1) % 2)?;
    let more = odd.checked_sub(voters.len()).filter(|more| *more > 0)?;
    let mut next = voters.clone();
    next.extend(learners.iter().take(more));
    Some(next)
}

/// An even number of voters tolerates no more failures than one fewer would.
fn voters_wanted(nodes: usize) -> usize {
    match nodes {
        0..=2 => 1,
        3 | 4 => 3,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(voters: &[u64], learners: &[u64], wanted: usize) -> Option<Vec<u64>> {
        let voters = voters.iter().copied().map(NodeId).collect();
        let learners: Vec<NodeId> = learners.iter().copied().map(NodeId).collect();
        let next = next_voters(&voters, &learners, wanted)?;
        Some(next.into_iter().map(|n| n.0).collect())
    }

    #[test]
    fn voters_come_in_pairs_of_learners_that_caught_up() {
        assert_eq!(next(&[1], &[2, 3], 3), Some(vec![1, 2, 3]));
        assert_eq!(next(&[1], &[2], 3), None, "two voters tolerate no failure either");
        assert_eq!(next(&[1], &[2, 4, 5], 5), Some(vec![1, 2, 4]));
        assert_eq!(next(&[1, 2], &[3], 3), Some(vec![1, 2, 3]));
        assert_eq!(next(&[1, 2, 3], &[4], 5), None);
        assert_eq!(next(&[1, 2, 3], &[4, 5, 6], 5), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(next(&[1, 2, 3], &[], 5), None);
    }

    #[test]
    fn voters_are_odd_and_at_most_five() {
        let wanted: Vec<usize> = (1..=8).map(voters_wanted).collect();
        assert_eq!(wanted, [1, 1, 3, 3, 5, 5, 5, 5]);
    }
}
