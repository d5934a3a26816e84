//! Where a new group lives.
//!
//! Replicas go to nodes that do not drain, as long as there are enough; to as many zones as possible, then to the nodes with the fewest replicas, then to
//! those that lead least. Among the chosen, the one that leads least is to lead: it stands first.
//! Ties go to the lower number, so that every replica of the catalog chooses alike.

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

impl Loads {
    /// Nodes for a new group, the one that is to lead first: as many as wanted, or all there are. Too few replicas would be worse
    /// than some on nodes that drain.
    pub(super) fn choose(
        &self,
        nodes: &BTreeMap<u64, NodeRecord>,
        drains: impl Fn(u64) -> bool,
        wanted: u32,
    ) -> Vec<u64> {
        let wanted = usize::try_from(wanted.max(1))
            .unwrap_or(usize::MAX)
            .min(nodes.len());
        let mut chosen: Vec<&NodeRecord> = Vec::with_capacity(wanted);
        while chosen.len() < wanted {
            let free = nodes.values().filter(|node| !chosen.contains(node));
            let best = free.min_by_key(|node| {
                let load = self.of(node.node_id);
                (
                    drains(node.node_id),
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
            (drains(**node), load.leads, load.replicas, **node)
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
