//! The overview for people.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use raft::types::GroupId;

use super::levels::level_line;
use crate::admission::Full;
use crate::cluster::pb;

/// The overview for people.
pub fn table(status: &pb::ClusterStatus) -> String {
    let mut nodes = vec![
        [
            "NODE", "API", "ADMIN", "ZONE", "STATE", "REPLICAS", "LEADS", "BYTES", "CLOCK", "FULL",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for n in &status.nodes {
        let state = match (n.alive, n.ready) {
            (false, _) => "unreachable",
            (true, false) => "not ready",
            (true, true) if n.stuck => "drains, stuck",
            (true, true) if n.draining => "drains",
            (true, true) => "ready",
        };
        let zone = if n.zone.is_empty() { "-" } else { &n.zone };
        nodes.push(vec![
            n.id.to_string(),
            n.api.clone(),
            n.admin.clone(),
            zone.to_owned(),
            state.to_owned(),
            n.replicas.to_string(),
            n.leads.to_string(),
            HumanBytes(n.bytes).to_string(),
            clock(n),
            full(n),
        ]);
    }
    let mut groups = vec![
        [
            "GROUP", "KIND", "QUEUE", "LEADER", "TERM", "REPLICAS", "LAG", "BYTES",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for g in &status.groups {
        let lag = g
            .lag
            .iter()
            .map(|(node, lag)| format!("{node}:{lag}"))
            .collect::<Vec<_>>()
            .join(" ");
        groups.push(vec![
            GroupId(g.id).to_string(),
            g.kind.clone(),
            g.queue.clone().unwrap_or_else(|| "-".to_owned()),
            g.leader.map_or_else(|| "none".to_owned(), |l| l.to_string()),
            g.term.to_string(),
            replicas(g),
            lag,
            HumanBytes(g.bytes).to_string(),
        ]);
    }
    format!(
        "cluster {}, {}\n\n{}\n{}{}{}",
        status.cluster,
        level_line(status),
        columns(&nodes),
        columns(&groups),
        damaged(status),
        quarantined_table(&status.quarantined),
    )
}

/// Replicas out of service, if there are any: what an operator has to look at.
fn quarantined_table(replicas: &[pb::QuarantinedReplica]) -> String {
    if replicas.is_empty() {
        return String::new();
    }
    let head = [
        "QUARANTINED",
        "QUEUE",
        "NODE",
        "CAUSE",
        "ENTRY",
        "VERSION",
        "REASON",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for replica in replicas {
        rows.push(vec![
            GroupId(replica.group).to_string(),
            replica.queue.clone().unwrap_or_else(|| "-".to_owned()),
            replica.node.to_string(),
            replica.cause.clone(),
            replica
                .index
                .map_or_else(|| "-".to_owned(), |index| index.to_string()),
            replica.version.clone(),
            reason(replica),
        ]);
    }
    format!("\n{}See `millrace cluster retry --help`.\n", columns(&rows))
}

/// Why a replica is quarantined, and where its log is if others needed the room.
fn reason(replica: &pb::QuarantinedReplica) -> String {
    let reason = replica.reason.replace('\n', " ");
    match &replica.log_file {
        Some(file) => format!("{reason} (its log is in {file})"),
        None => reason,
    }
}

/// How a node's clock is off, if it answers.
fn clock(node: &pb::Node) -> String {
    let Some(offset) = node.clock_offset_ms else {
        return if node.alive { "unknown" } else { "-" }.to_owned();
    };
    let sign = if offset < 0 { "-" } else { "+" };
    let apart = Duration::from_millis(offset.unsigned_abs());
    let size = if apart < Duration::from_secs(60) {
        format!("{:.1}s", apart.as_secs_f64())
    } else {
        HumanDuration(apart).to_string()
    };
    let open = if node.clock_agreed { "" } else { ", not agreed" };
    format!("{sign}{size}{open}")
}

/// What of a node is full.
fn full(node: &pb::Node) -> String {
    let full = Full {
        disk: node.disk_full,
        memory: node.memory_full,
    };
    if full == Full::default() {
        return "-".to_owned();
    }
    full.text().to_owned()
}

/// What nodes have put aside; nothing if there is none.
fn damaged(status: &pb::ClusterStatus) -> String {
    let mut text = String::new();
    for node in &status.nodes {
        for aside in &node.put_aside {
            let group = GroupId(aside.group);
            let _ = writeln!(
                text,
                "node {}: the checkpoint of {group} is damaged, and is kept as {} until it is replaced. {}",
                node.id, aside.file, aside.reason
            );
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

/// Where a group is to live, and, on its way there, who may still have a replica.
fn replicas(group: &pb::Group) -> String {
    let list = |nodes: &[u64]| nodes.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let mut text = list(&group.replicas);
    if !group.moving.is_empty() {
        let _ = write!(text, " (from {})", list(&group.moving));
    }
    if let Some(reason) = &group.stuck {
        let _ = write!(text, " (stuck: {reason})");
    }
    text
}

pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|i| rows.iter().map(|row| row[i].len()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let line: String = row
            .iter()
            .zip(&widths)
            .fold(String::new(), |line, (cell, width)| {
                line + &format!("{cell:<width$}  ")
            });
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
