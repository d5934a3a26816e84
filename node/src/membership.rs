//! Who votes in the catalog's group: its leader takes in nodes that registered, and lets those go that were removed. Every node
//! holds a replica; three of them vote, five if there are as many nodes, the others learn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::types::NodeId;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::placement::heard::Heard;
use crate::placement::moves::LAG_MAX;
use crate::succession::{self, NotHandedOver};

/// How often the leader compares the members with the registered nodes.
const INTERVAL: Duration = Duration::from_millis(500);
/// A catalog does not shrink below so many copies that vote, other than by nodes that are gone for good.
const MIN_KEPT: usize = 3;

/// Takes nodes in and lets them go, whenever this one leads the catalog, until `stop`. A node that was not heard of for
/// `replace_after` votes no more if another one can in its place.
pub async fn keep(catalog: Arc<CatalogView>, replace_after: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    let mut heard = Heard::default();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !catalog.group().leadership().leads {
            heard = Heard::default();
            continue;
        }
        heard.look(&catalog);
        let members = Members::of(&catalog, |node| heard.is_dead(node, replace_after));
        if let Err(error) = step(&catalog, &members).await {
            tracing::warn!(%error, "the catalog's membership could not be changed yet");
        }
    }
}

/// Who takes part in the catalog, and who could.
#[derive(Default)]
struct Members {
    /// The nodes of the cluster. Founders vote before they have registered.
    nodes: BTreeSet<NodeId>,
    /// Of these, those that are there to stay.
    staying: BTreeSet<NodeId>,
    voters: BTreeSet<NodeId>,
    learners: BTreeSet<NodeId>,
    /// Learners that lack next to nothing.
    level: BTreeSet<NodeId>,
}

impl Members {
    fn of(catalog: &CatalogView, is_dead: impl Fn(NodeId) -> bool) -> Members {
        let (voters, learners) = catalog.group().members();
        let lags = catalog.group().lags();
        let is_level = |node: &&NodeId| {
            lags.iter()
                .any(|(n, lag)| n == *node && lag.is_some_and(|l| l < LAG_MAX))
        };
        let level = learners.iter().filter(is_level).copied().collect();
        let (nodes, staying) = catalog.read(|c| {
            let registered = c.nodes().map(|node| NodeId(node.node_id));
            let founders = voters.iter().copied().filter(|node| !c.is_removed(node.0));
            let nodes: BTreeSet<NodeId> = registered.chain(founders).collect();
            let stays = |node: &&NodeId| !c.drains(node.0) && !is_dead(**node);
            let staying = nodes.iter().filter(stays).copied().collect();
            (nodes, staying)
        });
        Members {
            nodes,
            staying,
            voters,
            learners,
            level,
        }
    }

    /// Who should vote: those who do and stay, and as many of the others as it takes.
    fn wanted(&self) -> BTreeSet<NodeId> {
        let remaining: BTreeSet<NodeId> = self.voters.intersection(&self.nodes).copied().collect();
        let count = voters_wanted(self.staying.len()).max(remaining.len().min(MIN_KEPT));
        let mut wanted: BTreeSet<NodeId> = remaining
            .intersection(&self.staying)
            .copied()
            .take(count)
            .collect();
        let new = self.level.intersection(&self.staying);
        // Who is about to go votes on as long as nobody takes its place, or else the catalog would bear fewer losses.
        let going = remaining.difference(&self.staying);
        let more = new.chain(going).copied();
        let short = count
            .max(remaining.len().min(MIN_KEPT))
            .saturating_sub(wanted.len());
        wanted.extend(more.take(short));
        // An even number of voters bears no more losses than one fewer: it is left, but not made.
        if wanted.len().is_multiple_of(2)
            && wanted.len() > remaining.len()
            && let Some(last) = wanted
                .iter()
                .rev()
                .find(|node| !remaining.contains(node))
                .copied()
        {
            wanted.remove(&last);
        }
        wanted
    }
}

async fn step(catalog: &CatalogView, members: &Members) -> Result<(), String> {
    let group = catalog.group();
    let known: BTreeSet<NodeId> = members.voters.union(&members.learners).copied().collect();
    if let Some(new) = members.nodes.difference(&known).next() {
        tracing::info!(node = %new, "a node gets a replica of the catalog");
        return group.add_learner(*new).await;
    }
    let gone: BTreeSet<NodeId> = members.learners.difference(&members.nodes).copied().collect();
    if !gone.is_empty() {
        tracing::info!(nodes = ?gone, "removed nodes lose their replicas of the catalog");
        return group.remove_learners(gone).await;
    }
    let wanted = members.wanted();
    if wanted == members.voters || wanted.is_empty() {
        return hand_over_if_leaving(catalog, members).await;
    }
    if !wanted.contains(&group.me()) {
        return hand_over(catalog, &wanted).await;
    }
    tracing::info!(voters = ?wanted, "other nodes vote in the catalog");
    group.set_voters(wanted).await
}

/// A node that is about to go does not lead, even if nobody can take its vote.
async fn hand_over_if_leaving(catalog: &CatalogView, members: &Members) -> Result<(), String> {
    if members.staying.contains(&catalog.group().me()) {
        return Ok(());
    }
    let voters = members.voters.intersection(&members.staying).copied().collect();
    hand_over(catalog, &voters).await
}

/// As soon as one of them could lead at once.
async fn hand_over(catalog: &CatalogView, to: &BTreeSet<NodeId>) -> Result<(), String> {
    let may_lead = |node| to.contains(&node);
    match succession::hand_over(catalog.group(), catalog.peers(), may_lead).await {
        Ok(_) | Err(NotHandedOver::NobodyReady) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

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

    fn set(nodes: &[u64]) -> BTreeSet<NodeId> {
        nodes.iter().copied().map(NodeId).collect()
    }

    /// Who should vote, given the nodes, those that are about to go, who votes, and which learners are level.
    fn wanted(nodes: &[u64], going: &[u64], voters: &[u64], level: &[u64]) -> Vec<u64> {
        let members = Members {
            nodes: set(nodes),
            staying: set(nodes).difference(&set(going)).copied().collect(),
            voters: set(voters),
            learners: set(nodes).difference(&set(voters)).copied().collect(),
            level: set(level),
        };
        members.wanted().into_iter().map(|node| node.0).collect()
    }

    #[test]
    fn voters_come_in_pairs_of_learners_that_caught_up() {
        assert_eq!(wanted(&[1, 2, 3], &[], &[1], &[2, 3]), [1, 2, 3]);
        assert_eq!(
            wanted(&[1, 2, 3], &[], &[1], &[2]),
            [1],
            "two voters bear no loss either"
        );
        assert_eq!(wanted(&[1, 2, 3, 4, 5], &[], &[1], &[2, 4, 5]), [1, 2, 4]);
        assert_eq!(wanted(&[1, 2, 3], &[], &[1, 2], &[3]), [1, 2, 3]);
        assert_eq!(wanted(&[1, 2, 3, 4, 5], &[], &[1, 2, 3], &[4]), [1, 2, 3]);
        let all = [1, 2, 3, 4, 5, 6];
        assert_eq!(wanted(&all, &[], &[1, 2, 3], &[4, 5, 6]), [1, 2, 3, 4, 5]);
        assert_eq!(wanted(&all, &[], &[1, 2, 3], &[]), [1, 2, 3]);
    }

    #[test]
    fn who_goes_votes_until_another_can() {
        assert_eq!(wanted(&[1, 2, 3, 4], &[3], &[1, 2, 3], &[4]), [1, 2, 4]);
        assert_eq!(wanted(&[1, 2, 3, 4], &[3], &[1, 2, 3], &[]), [1, 2, 3]);
        assert_eq!(
            wanted(&[1, 2, 3], &[3], &[1, 2, 3], &[]),
            [1, 2, 3],
            "nobody else is there"
        );
        assert_eq!(
            wanted(&[1, 2, 3, 4, 5], &[4, 5], &[1, 2, 3, 4, 5], &[]),
            [1, 2, 3]
        );
        assert_eq!(wanted(&[1, 2, 3, 4, 5], &[5], &[1, 2, 3, 4, 5], &[]), [1, 2, 3]);
    }

    #[test]
    fn who_was_removed_votes_no_more() {
        assert_eq!(wanted(&[1, 2], &[], &[1, 2, 3], &[]), [1, 2]);
        assert_eq!(wanted(&[1, 2, 4], &[], &[1, 2, 3], &[4]), [1, 2, 4]);
        assert_eq!(wanted(&[1], &[], &[1, 2, 3], &[]), [1]);
    }

    #[test]
    fn voters_are_odd_and_at_most_five() {
        let wanted: Vec<usize> = (1..=8).map(voters_wanted).collect();
        assert_eq!(wanted, [1, 1, 3, 3, 5, 5, 5, 5]);
    }
}
