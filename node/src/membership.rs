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
    let mut next = voters.clone();
    next.extend(members.difference(voters).take(wanted - voters.len()));
    tracing::info!(voters = ?next, "more nodes vote in the catalog");
    catalog.group().set_voters(next).await
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
    use super::voters_wanted;

    #[test]
    fn voters_are_odd_and_at_most_five() {
        let wanted: Vec<usize> = (1..=8).map(voters_wanted).collect();
        assert_eq!(wanted, [1, 1, 3, 3, 5, 5, 5, 5]);
    }
}
