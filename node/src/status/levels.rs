//! The levels of the cluster and of its nodes, for people.

use std::fmt::Write;

use super::table::columns;
use crate::cluster::pb;

/// The levels for people.
pub fn levels(status: &pb::ClusterStatus) -> String {
    let mut rows = vec![
        ["NODE", "VERSION", "LEVEL", "HELD", "STATE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for node in &status.nodes {
        let held = if node.held { "held" } else { "-" };
        let state = if node.alive { "answers" } else { "unreachable" };
        rows.push(vec![
            node.id.to_string(),
            node.version.clone(),
            node.level.to_string(),
            held.to_owned(),
            state.to_owned(),
        ]);
    }
    format!("{}\n\n{}", level_line(status), columns(&rows))
}

/// The cluster's level, and why it does not rise.
pub(super) fn level_line(status: &pb::ClusterStatus) -> String {
    let level = status.level;
    let held: Vec<u64> = status.nodes.iter().filter(|n| n.held).map(|n| n.id).collect();
    let highest = status.nodes.iter().map(|n| n.level).max().unwrap_or(level);
    let lacking: Vec<u64> = status
        .nodes
        .iter()
        .filter(|n| n.level < highest)
        .map(|n| n.id)
        .collect();
    let mut line = format!("level {level}");
    if !held.is_empty() {
        let _ = write!(line, ", held by nodes {held:?}");
    }
    if !lacking.is_empty() {
        let _ = write!(line, "; nodes {lacking:?} do not know level {highest} yet");
    }
    if status.groups_below > 0 {
        let _ = write!(line, "; {} groups are still below it", status.groups_below);
    }
    line
}
