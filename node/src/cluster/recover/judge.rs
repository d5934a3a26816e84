//! Whether a group can be recovered, and if not, why.
//!
//! A replica that does not answer is not always lost. Its node may have it closed for a moment, or quarantined. Both keep what
//! they have, so a group waits for them.

use std::collections::BTreeSet;

use raft::group::epoch;

use crate::cluster::pb;

/// What is to be done with a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It lost its majority, and a member answers that can go on.
    Lost,
    /// Nothing: it has its majority.
    HasMajority,
    /// These nodes answer, and may have a replica that is not open yet.
    NotOpen(Vec<u64>),
    /// It can go on if the replicas of these nodes are opened again.
    Quarantined(Vec<u64>),
    /// No member's replica is left.
    Gone,
}

pub(super) fn judge(group: &pb::Group, status: &pb::ClusterStatus) -> Verdict {
    let current = group
        .replica_states
        .iter()
        .filter(|replica| !is_of_old_epoch(group, replica));
    let answering: BTreeSet<u64> = current.map(|replica| replica.node).collect();
    // A leader with a lease proves it, whoever answers here.
    let is_led = group.replica_states.iter().any(|replica| replica.leads);
    if is_led || is_majority(group, &answering) {
        return Verdict::HasMajority;
    }
    let closed = not_open(group, status);
    if !closed.is_empty() {
        return Verdict::NotOpen(closed);
    }
    let quarantined = quarantined(group, status);
    let with_quarantined = answering.union(&quarantined).copied().collect();
    let has_survivor = !answering.is_disjoint(&members(group));
    if !quarantined.is_empty() && (is_majority(group, &with_quarantined) || !has_survivor) {
        return Verdict::Quarantined(quarantined.into_iter().collect());
    }
    if has_survivor {
        Verdict::Lost
    } else {
        Verdict::Gone
    }
}

/// The nodes that may have a replica.
pub(super) fn members(group: &pb::Group) -> BTreeSet<u64> {
    group.replicas.iter().chain(&group.moving).copied().collect()
}

/// The nodes whose replicas are out of service.
pub(super) fn quarantined(group: &pb::Group, status: &pb::ClusterStatus) -> BTreeSet<u64> {
    let of_group = status
        .quarantined
        .iter()
        .filter(|replica| replica.group == group.id);
    let nodes: BTreeSet<u64> = of_group.map(|replica| replica.node).collect();
    nodes.intersection(&members(group)).copied().collect()
}

/// Whether these nodes are a majority, by the last configuration that is known.
fn is_majority(group: &pb::Group, there: &BTreeSet<u64>) -> bool {
    let count = |nodes: &[u64]| nodes.iter().filter(|node| there.contains(node)).count();
    let fullest = group.replica_states.iter().max_by_key(|replica| log_of(replica));
    let sets = fullest.map_or(&[][..], |replica| &replica.voters);
    if sets.iter().any(|set| !set.nodes.is_empty()) {
        return sets.iter().all(|set| count(&set.nodes) > set.nodes.len() / 2);
    }
    // Nodes of older versions do not tell.
    let nodes = if group.moving.is_empty() {
        &group.replicas
    } else {
        &group.moving
    };
    count(nodes) > group.replicas.len() / 2
}

/// The members that answer and may have a replica that does not take part yet.
fn not_open(group: &pb::Group, status: &pb::ClusterStatus) -> Vec<u64> {
    let members = members(group);
    let quarantined = quarantined(group, status);
    let there = status
        .nodes
        .iter()
        .filter(|node| node.alive && members.contains(&node.id));
    let is_not_open = |node: &&pb::Node| {
        let open = group
            .replica_states
            .iter()
            .find(|replica| replica.node == node.id);
        match (open, &node.closed) {
            (Some(replica), _) => is_of_old_epoch(group, replica),
            (None, _) if quarantined.contains(&node.id) => false,
            // A node that is not ready may not know yet what it is to have.
            (None, Some(closed)) => !node.ready || closed.groups.contains(&group.id),
            (None, None) => true,
        }
    };
    there.filter(is_not_open).map(|node| node.id).collect()
}

/// Its node forgets it, or begins the new epoch with it, once it hears of that.
fn is_of_old_epoch(group: &pb::Group, replica: &pb::ReplicaState) -> bool {
    replica
        .last_term
        .is_some_and(|term| epoch::of_term(term) < group.epoch)
}

/// Logs compare as in an election.
pub(super) fn log_of(replica: &pb::ReplicaState) -> (u64, u64) {
    (replica.last_term.unwrap_or(0), replica.last_index.unwrap_or(0))
}

#[cfg(test)]
mod tests;
