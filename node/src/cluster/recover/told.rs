//! What the operator reads: what a recovery costs, and why a group is not recovered.

use std::fmt::Write as _;

use super::judge::{Verdict, log_of, members, quarantined};
use super::plan::Plan;
use crate::cluster::pb;

/// What is left of each group, who goes on, and what is lost.
pub(super) fn cost(plan: &Plan, status: &pb::ClusterStatus, now_ms: u64) -> String {
    let mut text = String::new();
    for request in &plan.requests {
        let group = status.groups.iter().find(|group| group.id == request.group);
        text += &group.map_or_else(String::new, |group| told(group, status, request, now_ms));
    }
    if !plan.left_out.is_empty() {
        let _ = write!(text, "\nNot recovered:\n  {}\n", plan.left_out.join("\n  "));
    }
    text + "\nWhat only the lost replicas had is lost for good, acknowledged or not, and repeated calls may take effect \
            twice.\nTheir nodes must not come back and reach clients before they reach this cluster."
}

/// Why a group cannot be recovered, and what to do.
pub(super) fn why_not(group: &pb::Group, verdict: &Verdict) -> String {
    let id = group.id;
    match verdict {
        Verdict::NotOpen(nodes) => {
            let each = nodes.iter().map(|node| {
                format!(
                    "node {node} answers, but its replica of group {id} is not open yet; wait until `millrace cluster status` \
                     shows it"
                )
            });
            each.collect::<Vec<_>>().join("\n")
        }
        Verdict::Quarantined(nodes) => format!(
            "replicas of group {id} are quarantined on nodes {nodes:?}, and not lost; open them again with `millrace cluster \
             retry {id}`"
        ),
        Verdict::Gone => format!(
            "no replica of group {id} of queue {} answers: there is nothing to go on from; delete the queue",
            queue(group)
        ),
        Verdict::HasMajority => format!("group {id} has a majority"),
        Verdict::Lost => format!("group {id} has no majority"),
    }
}

/// What is left of a group, and who goes on.
fn told(
    group: &pb::Group,
    status: &pb::ClusterStatus,
    request: &pb::UnsafeRecoverRequest,
    now_ms: u64,
) -> String {
    let ago = |replica: &pb::ReplicaState| now_ms.saturating_sub(replica.applied_ms) / 1_000;
    let quarantined = quarantined(group, status);
    let mut text = format!(
        "group {} of queue {}, epoch {}\n",
        group.id,
        queue(group),
        group.epoch
    );
    let states = &group.replica_states;
    for node in members(group) {
        let is_alive = status.nodes.iter().any(|line| line.id == node && line.alive);
        let has = match states.iter().find(|replica| replica.node == node) {
            Some(replica) => {
                let (term, index) = log_of(replica);
                let (applied, ago) = (replica.applied, ago(replica));
                format!(
                    "log up to entry {index} of term {term}, {applied} entries applied, the last one {ago} s ago"
                )
            }
            None if quarantined.contains(&node) => {
                "quarantined; its data is deleted, unless `millrace cluster retry` can open it first"
                    .to_owned()
            }
            None if is_alive => "has nothing of it".to_owned(),
            None => "lost".to_owned(),
        };
        let _ = writeln!(text, "  node {node}: {has}");
    }
    let survivor = request.survivor;
    let ago = states
        .iter()
        .find(|replica| replica.node == survivor)
        .map_or(0, ago);
    let _ = writeln!(
        text,
        "  -> node {survivor} goes on. Messages that were acknowledged in the last {ago} s, and deletes, may be lost."
    );
    text
}

fn queue(group: &pb::Group) -> &str {
    group.queue.as_deref().unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{group, quarantine, replica, with};
    use super::*;

    #[test]
    fn each_replica_is_named_as_what_it_is() {
        let states = vec![replica(1, 3, 50), replica(3, 4, 41)];
        let group = group(7, "0/r/q", &[1, 2, 3, 4, 5, 6, 7], states);
        let mut status = with(&[1, 2, 3, 5], vec![group]);
        quarantine(&mut status, 5, 7);
        let request = pb::UnsafeRecoverRequest {
            group: 7,
            survivor: 3,
            ..Default::default()
        };
        let plan = Plan {
            requests: vec![request],
            left_out: vec!["group 9 is gone".to_owned()],
        };
        let text = cost(&plan, &status, 72_000);
        for part in [
            "node 1: log up to entry 50 of term 3",
            "node 2: has nothing of it",
            "node 4: lost",
            "node 5: quarantined; its data is deleted",
            "node 3 goes on. Messages that were acknowledged in the last 12 s",
            "Not recovered:\n  group 9 is gone",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
