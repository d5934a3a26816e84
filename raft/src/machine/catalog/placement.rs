//! Where a new group lives.
//!
//! A node that does not answer is no place for a new group: with two such members of three it never has a majority, and the
//! planner cannot move them off either. Yet such a node looks like the best place, because all that it had was moved
//! away. So the catalog's leader names the nodes that answer it, the candidates, in the command.
//!
//! Replicas go to candidates first, then to nodes that do not drain, to as many zones as possible, to the nodes with the
//! fewest replicas, and to those that lead least. Among the chosen, the candidate that leads least is to lead: it stands
//! first. Ties go to the lower number, so that every replica of the catalog chooses alike.

use std::collections::BTreeMap;

use crate::command::catalog::NodeRecord;

/// How much is placed on each node.
#[derive(Default)]
pub(super) struct Loads {
    by_node: BTreeMap<u64, Load>,
}

#[derive(Clone, Copy, Default)]
struct Load {
    replicas: usize,
    leads: usize,
}

/// The nodes that a new group may live on.
pub(super) struct Places<'a, D> {
    nodes: &'a BTreeMap<u64, NodeRecord>,
    drains: D,
    /// The nodes that are there; all, if nobody said.
    living: Vec<u64>,
}

impl<'a, D: Fn(u64) -> bool> Places<'a, D> {
    /// `candidates` are the nodes that answered the catalog's leader. Without any, as in commands of older versions, all
    /// nodes are taken to be there.
    pub(super) fn new(nodes: &'a BTreeMap<u64, NodeRecord>, drains: D, candidates: &[u64]) -> Places<'a, D> {
        let known = candidates.iter().filter(|node| nodes.contains_key(node));
        let mut living = in_order(&known.copied().collect::<Vec<u64>>());
        if living.is_empty() {
            living = nodes.keys().copied().collect();
        }
        Places {
            nodes,
            drains,
            living,
        }
    }

    fn is_away(&self, node: u64) -> bool {
        self.living.binary_search(&node).is_err()
    }

    /// How many replicas a group gets if so many are wanted. One on a node that is away is better than one too few, because
    /// the node may come back, and the planner replaces it otherwise. But the living must be a majority: without one the
    /// group takes no message, and no change of its members. What is missing then comes with the planner, too.
    fn count(&self, wanted: u32) -> usize {
        let wanted = usize::try_from(wanted.max(1)).unwrap_or(usize::MAX);
        let has_majority = (2 * self.living.len()).saturating_sub(1).max(1);
        wanted.min(self.nodes.len()).min(has_majority)
    }
}

impl Loads {
    /// Nodes for a new group, the one that is to lead first: as many as wanted, or all there are. Too few replicas would be
    /// worse than some on nodes that drain, or on a minority of nodes that are away.
    pub(super) fn choose<D: Fn(u64) -> bool>(&self, places: &Places<'_, D>, wanted: u32) -> Vec<u64> {
        let wanted = places.count(wanted);
        let mut chosen: Vec<&NodeRecord> = Vec::with_capacity(wanted);
        while chosen.len() < wanted {
            let free = places.nodes.values().filter(|node| !chosen.contains(node));
            let best = free.min_by_key(|node| {
                let load = self.of(node.node_id);
                (
                    places.is_away(node.node_id),
                    (places.drains)(node.node_id),
                    neighbours(&chosen, node),
                    load.replicas,
                    load.leads,
                    node.node_id,
                )
            });
            chosen.extend(best);
        }
        let mut chosen: Vec<u64> = chosen.into_iter().map(|node| node.node_id).collect();
        let leader = chosen.iter().enumerate().min_by_key(|(_, node)| {
            let load = self.of(**node);
            let is_away = places.is_away(**node);
            (
                is_away,
                (places.drains)(**node),
                load.leads,
                load.replicas,
                **node,
            )
        });
        if let Some((position, _)) = leader {
            chosen[..=position].rotate_right(1);
        }
        chosen
    }

    /// Counts a group's replicas.
    pub(super) fn add(&mut self, replicas: &[u64]) {
        for (position, node) in replicas.iter().enumerate() {
            let load = self.by_node.entry(*node).or_default();
            load.replicas += 1;
            load.leads += usize::from(position == 0);
        }
    }

    /// Counts a group's replicas no more.
    pub(super) fn remove(&mut self, replicas: &[u64]) {
        for (position, node) in replicas.iter().enumerate() {
            let load = self.by_node.entry(*node).or_default();
            load.replicas -= 1;
            load.leads -= usize::from(position == 0);
        }
    }

    fn of(&self, node: u64) -> Load {
        self.by_node.get(&node).copied().unwrap_or_default()
    }
}

/// Numbers of nodes as a record's sets have them.
pub(super) fn in_order(nodes: &[u64]) -> Vec<u64> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// How many of the chosen nodes are in this node's zone. A node without a zone is in one of its own.
fn neighbours(chosen: &[&NodeRecord], node: &NodeRecord) -> usize {
    chosen
        .iter()
        .filter(|other| !node.zone.is_empty() && other.zone == node.zone)
        .count()
}
