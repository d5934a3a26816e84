//! Clusters to decide about.

use crate::cluster::pb;

/// A replica of a node that does not tell its voters.
pub(super) fn replica(node: u64, last_term: u64, last_index: u64) -> pb::ReplicaState {
    pb::ReplicaState {
        node,
        last_term: Some(last_term),
        last_index: Some(last_index),
        applied: last_index,
        applied_ms: 60_000,
        ..Default::default()
    }
}

pub(super) fn replica_of(node: u64, last_term: u64, last_index: u64, voters: &[&[u64]]) -> pb::ReplicaState {
    let set = |nodes: &&[u64]| pb::VoterSet {
        nodes: nodes.to_vec(),
    };
    pb::ReplicaState {
        voters: voters.iter().map(set).collect(),
        ..replica(node, last_term, last_index)
    }
}

pub(super) fn group(id: u64, queue: &str, replicas: &[u64], states: Vec<pb::ReplicaState>) -> pb::Group {
    pb::Group {
        id,
        kind: "queue".to_owned(),
        queue: Some(queue.to_owned()),
        replicas: replicas.to_vec(),
        replica_states: states,
        ..Default::default()
    }
}

/// These nodes answer, are ready, and have opened all that they have.
pub(super) fn cluster(alive: &[u64]) -> pb::ClusterStatus {
    let node = |id: &u64| pb::Node {
        id: *id,
        alive: true,
        ready: true,
        closed: Some(pb::ClosedReplicas::default()),
        ..Default::default()
    };
    pb::ClusterStatus {
        nodes: alive.iter().map(node).collect(),
        ..Default::default()
    }
}

pub(super) fn with(alive: &[u64], groups: Vec<pb::Group>) -> pb::ClusterStatus {
    pb::ClusterStatus {
        groups,
        ..cluster(alive)
    }
}

pub(super) fn closed(status: &mut pb::ClusterStatus, node: u64, groups: &[u64]) {
    let node = status.nodes.iter_mut().find(|line| line.id == node).unwrap();
    node.closed = Some(pb::ClosedReplicas {
        groups: groups.to_vec(),
    });
}

pub(super) fn quarantine(status: &mut pb::ClusterStatus, node: u64, group: u64) {
    status.quarantined.push(pb::QuarantinedReplica {
        node,
        group,
        ..Default::default()
    });
}
