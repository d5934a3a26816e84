//! Who votes in the catalog's group: its leader takes in nodes that registered, and lets those go
//! that were removed. Every node holds a replica; three of them vote, five if there are as many
//! nodes, the others learn.
//!
//! Voters are spread over zones as evenly as the zones allow, so that the catalog outlives the loss
//! of a zone if there are three. A vote moves to another zone only if that makes the zones more
//! even: nothing moves between even ones.

use std::collections::{BTreeMap, BTreeSet};
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
/// A catalog does not shrink below so many copies that vote, other than by nodes that are gone for
/// good.
const MIN_KEPT: usize = 3;

/// Takes nodes in and lets them go, whenever this one leads the catalog, until `stop`. A node that
/// was not heard of for `replace_after` votes no more if another one can in its place.
pub async fn keep(catalog: Arc<CatalogView>, replace_after: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    let mut heard = Heard::default();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !catalog.group().leadership().leads {
            heard = Heard::default();
            continue;
        }
        heard.look(&catalog);
        let is_dead = |node| heard.is_dead(node, replace_after);
        let members = Members::of(&catalog, is_dead, |node| heard.is_there(node));
        if let Err(error) = step(&catalog, &members).await {
            tracing::warn!(%error, "the catalog's membership could not be changed yet");
        }
    }
}

/// Who takes part in the catalog, and who could.
#[derive(Default)]
struct Members {
    /// This node, which leads.
    me: NodeId,
    /// The nodes of the cluster. Founders vote before they have registered.
    nodes: BTreeSet<NodeId>,
    /// Of these, those that are there to stay.
    staying: BTreeSet<NodeId>,
    voters: BTreeSet<NodeId>,
    learners: BTreeSet<NodeId>,
    /// Learners that lack next to nothing.
    level: BTreeSet<NodeId>,
    /// Of these and of the voters, those that were heard of a moment ago: only such a one gets a
    /// vote for the sake of zones.
    there: BTreeSet<NodeId>,
    /// The zones of nodes that have one. The others are in zones of their own.
    zones: BTreeMap<NodeId, String>,
}

impl Members {
    fn of(
        catalog: &CatalogView,
        is_dead: impl Fn(NodeId) -> bool,
        is_there: impl Fn(NodeId) -> bool,
    ) -> Members {
        let (voters, learners) = catalog.group().members();
        let lags = catalog.group().lags();
        let is_level = |node: &&NodeId| {
            lags.iter()
                .any(|(n, lag)| n == *node && lag.is_some_and(|l| l < LAG_MAX))
        };
        let level = learners.iter().filter(is_level).copied().collect();
        let me = catalog.group().me();
        let there = voters.union(&learners).copied();
        let there = there.filter(|node| *node == me || is_there(*node)).collect();
        let (nodes, staying, zones) = catalog.read(|c| {
            let registered = c.nodes().map(|node| NodeId(node.node_id));
            let founders = voters.iter().copied().filter(|node| !c.is_removed(node.0));
            let nodes: BTreeSet<NodeId> = registered.chain(founders).collect();
            let stays = |node: &&NodeId| !c.drains(node.0) && !is_dead(**node);
            let staying = nodes.iter().filter(stays).copied().collect();
            let zoned = c.nodes().filter(|node| !node.zone.is_empty());
            let zones = zoned.map(|node| (NodeId(node.node_id), node.zone.clone()));
            (nodes, staying, zones.collect())
        });
        Members {
            me,
            nodes,
            staying,
            voters,
            learners,
            level,
            there,
            zones,
        }
    }

    /// Who should vote: those who do and stay, and as many of the others as it takes.
    fn wanted(&self) -> BTreeSet<NodeId> {
        let remaining: BTreeSet<NodeId> = self.voters.intersection(&self.nodes).copied().collect();
        let count = voters_wanted(self.staying.len()).max(remaining.len().min(MIN_KEPT));
        let staying: BTreeSet<NodeId> = remaining.intersection(&self.staying).copied().collect();
        let mut wanted = self.spread(BTreeSet::new(), &staying, count);
        let new: BTreeSet<NodeId> = self.level.intersection(&self.staying).copied().collect();
        wanted = self.spread(wanted, &new, count);
        // Who is about to go votes on as long as nobody takes its place, or else the catalog would
        // bear fewer losses.
        let going: BTreeSet<NodeId> = remaining.difference(&self.staying).copied().collect();
        wanted = self.spread(wanted, &going, count);
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
        if wanted == self.voters
            && let Some((from, to)) = self.better_zone(&wanted)
        {
            wanted.remove(&from);
            wanted.insert(to);
        }
        wanted
    }

    /// Adds nodes of `others` to `chosen` until there are `count`, or none is left. Each one comes
    /// from a zone with the fewest chosen nodes.
    fn spread(
        &self,
        mut chosen: BTreeSet<NodeId>,
        others: &BTreeSet<NodeId>,
        count: usize,
    ) -> BTreeSet<NodeId> {
        while chosen.len() < count {
            let left = others.difference(&chosen);
            // Votes for nodes that are away may leave the voters without a majority.
            let is_away = |node: &NodeId| !self.there.contains(node);
            let order = |node: &&NodeId| (is_away(node), self.neighbours(&chosen, **node), **node);
            let Some(next) = left.min_by_key(order) else {
                break;
            };
            chosen.insert(*next);
        }
        chosen
    }

    /// A vote that should move to another zone, from whom to whom: zones with voters then differ by
    /// less. The one that gets it is there and up to date; two zones whose voters differ by one are
    /// even.
    fn better_zone(&self, voters: &BTreeSet<NodeId>) -> Option<(NodeId, NodeId)> {
        let crowd = |node: &NodeId| self.neighbours(voters, *node);
        // Of those in the fullest zone, one that is away gives its vote first, and the leader last.
        let from = voters.iter().max_by_key(|node| {
            let is_away = !self.there.contains(node);
            (crowd(node), is_away, **node != self.me, **node)
        })?;
        let new = self.level.iter().filter(|node| {
            self.staying.contains(node) && self.there.contains(node) && !voters.contains(node)
        });
        let to = new.min_by_key(|node| (crowd(node), **node))?;
        // `from` counts itself among its neighbours here, `to` is no voter yet.
        (crowd(from) >= crowd(to) + 2).then_some((*from, *to))
    }

    /// How many of the chosen are in this node's zone, the node itself included.
    fn neighbours(&self, chosen: &BTreeSet<NodeId>, node: NodeId) -> usize {
        let zone = self.zones.get(&node);
        let is_near = |other: &&NodeId| **other == node || zone.is_some() && self.zones.get(other) == zone;
        chosen.iter().filter(is_near).count()
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
mod tests;
