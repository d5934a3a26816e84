//! `millrace status`: what a cluster looks like. Each node tells what it knows; the command asks one
//! node for the others and puts their answers together.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanBytes, HumanDuration};
use raft::env::Env;
use raft::group::Group;
use raft::groups::Groups;
use raft::level::NodeVersion;
use raft::machine::Machine;
use raft::quarantine::Quarantine;
use raft::types::{GroupId, NodeId};
use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::admission::Full;
use crate::catalog::CatalogView;
use crate::cluster::pb;
use crate::fetch;

/// How long one node may take to tell.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// What one node knows.
#[derive(Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its number.
    pub node: u64,
    /// Its cluster, or empty.
    pub cluster: String,
    /// Whether it is ready for clients.
    pub ready: bool,
    /// The members, from its catalog.
    pub members: Vec<Member>,
    /// Its replicas.
    pub replicas: Vec<Replica>,
    /// How far its clock is ahead of the agreed time, in milliseconds, unless that is unknown.
    #[serde(default)]
    pub clock_offset_ms: Option<i64>,
    /// Whether a majority's clocks decide its time.
    #[serde(default)]
    pub clock_agreed: bool,
    /// Whether its disk is full.
    #[serde(default)]
    pub disk_full: bool,
    /// Whether its memory is full.
    #[serde(default)]
    pub memory_full: bool,
    /// If it leads the catalog: how many groups should be placed elsewhere next.
    #[serde(default)]
    pub planned: Option<u64>,
    /// If it leads the catalog: groups that make no progress on their way, and why.
    #[serde(default)]
    pub stuck: BTreeMap<u64, String>,
    /// Its replicas that are out of service.
    #[serde(default)]
    pub quarantined: Vec<QuarantinedReplica>,
    /// Damaged checkpoints that it put aside and that have not been replaced yet.
    #[serde(default)]
    pub put_aside: Vec<pb::PutAside>,
    /// The cluster's level, from its catalog.
    #[serde(default)]
    pub level: u32,
}

/// A replica that is out of service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantinedReplica {
    /// The group.
    pub group: u64,
    /// `account/region/name` of its queue.
    pub queue: Option<String>,
    /// `entry`, `files` or `level`.
    pub cause: String,
    /// The index of the log entry that could not be applied, if it was one.
    pub index: Option<u64>,
    /// Why.
    pub reason: String,
    /// Since when, in milliseconds since the Unix epoch, by the node's clock.
    pub since_ms: u64,
    /// The version of the program that could not go on.
    pub version: String,
}

/// A member of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// `host:port` of its AWS API.
    pub api: String,
    /// `host:port` of its peer listener.
    pub peer: String,
    /// `host:port` of its admin listener.
    pub admin: String,
    /// Its zone, or empty.
    pub zone: String,
    /// The version it runs.
    pub version: String,
}

/// One replica.
#[derive(Debug, Serialize, Deserialize)]
pub struct Replica {
    /// The group.
    pub group: u64,
    /// `catalog` or `queue`.
    pub kind: String,
    /// `account/region/name` of its queue.
    pub queue: Option<String>,
    /// Where the catalog places it.
    pub placed: Vec<u64>,
    /// The term.
    pub term: u64,
    /// The leader that this replica knows.
    pub leader: Option<u64>,
    /// Whether this replica leads.
    pub leads: bool,
    /// Index after the last applied entry.
    pub applied: u64,
    /// Index after the last log entry.
    pub last: u64,
    /// Index after the last entry covered by a checkpoint.
    pub checkpointed: u64,
    /// Index of the first entry that is still in the log.
    pub first: u64,
    /// About how many bytes its messages have.
    #[serde(default)]
    pub bytes: u64,
    /// How the comparison of its state with its leader's stands.
    #[serde(default)]
    pub verified: pb::Verified,
    /// Its group's level.
    #[serde(default)]
    pub level: u32,
    /// Index and term of the last log entry.
    #[serde(default)]
    pub last_entry: Option<(u64, u64)>,
    /// The time of the last batch that it applied, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub applied_ms: u64,
    /// Whether it leads, and a majority confirmed that a moment ago.
    #[serde(default)]
    pub leads_with_lease: bool,
}

/// What this node tells.
pub fn of_node(admin: &Admin, catalog: Option<&Arc<CatalogView>>) -> NodeStatus {
    let members = catalog.map_or_else(Vec::new, |catalog| {
        let member = |n: raft::command::catalog::NodeRecord| Member {
            id: n.node_id,
            api: n.api_address,
            peer: n.peer_address,
            admin: n.admin_address,
            zone: n.zone,
            version: n.version,
        };
        catalog.nodes().into_iter().map(member).collect()
    });
    let groups = admin.node.groups.list();
    let replicas = groups.iter().map(|group| {
        let leadership = group.leadership();
        let progress = group.progress();
        let record = catalog.and_then(|c| c.read(|c| c.group(group.id()).cloned()));
        let placed = match &record {
            Some(record) => record.replicas.clone(),
            None => group
                .members()
                .0
                .iter()
                .chain(&group.members().1)
                .map(|n| n.0)
                .collect(),
        };
        Replica {
            group: group.id().0,
            kind: if group.id() == GroupId::CATALOG {
                "catalog"
            } else {
                "queue"
            }
            .to_owned(),
            queue: record
                .and_then(|r| r.queue)
                .map(|q| format!("{}/{}/{}", q.account, q.region, q.name)),
            placed,
            term: leadership.term,
            leader: leadership.leader.map(|n: NodeId| n.0),
            leads: leadership.leads,
            applied: progress.applied,
            last: progress.last,
            checkpointed: progress.checkpointed,
            first: progress.first,
            bytes: group.replica().read(Machine::message_bytes),
            verified: verified(admin.node.me.node_id, group),
            level: group.replica().read(Machine::level).0,
            last_entry: group.last_entry(),
            applied_ms: group.replica().read(Machine::now).0,
            leads_with_lease: group.leads_with_lease(),
        }
    });
    let clock = admin.node.clock.standing();
    let full = admin.node.admission.own();
    NodeStatus {
        node: admin.node.me.node_id,
        cluster: admin.node.peers.cluster(),
        ready: admin.node.readiness.is_ready(),
        members,
        replicas: replicas.collect(),
        clock_offset_ms: clock.offset_ms,
        clock_agreed: clock.agreed,
        disk_full: full.disk,
        memory_full: full.memory,
        planned: admin.node.outlook.planned(),
        stuck: admin.node.outlook.stuck(),
        quarantined: quarantined(&admin.node.groups, catalog),
        put_aside: put_aside(&admin.node.groups),
        level: catalog.map_or(0, |catalog| catalog.read(|c| c.level().0)),
    }
}

fn quarantined(groups: &Groups, catalog: Option<&Arc<CatalogView>>) -> Vec<QuarantinedReplica> {
    let replica = |quarantine: Quarantine| QuarantinedReplica {
        group: quarantine.group.0,
        queue: catalog
            .and_then(|c| c.read(|c| c.group(quarantine.group).and_then(|g| g.queue.clone())))
            .map(|q| format!("{}/{}/{}", q.account, q.region, q.name)),
        cause: quarantine.broken.cause.name().to_owned(),
        index: quarantine.broken.index,
        reason: quarantine.broken.reason,
        since_ms: quarantine.since.0,
        version: quarantine.version,
    };
    groups.quarantined().into_iter().map(replica).collect()
}

fn verified(node: u64, group: &Group) -> pb::Verified {
    let seen = group.verification();
    pb::Verified {
        node,
        pass: seen.pass,
        slices: seen.slices,
        equal: seen.equal,
        unequal: seen.unequal,
        divergence: seen.divergence.unwrap_or_default(),
    }
}

fn put_aside(groups: &Groups) -> Vec<pb::PutAside> {
    let put_aside = groups.put_aside().into_iter().map(|aside| pb::PutAside {
        group: aside.group.0,
        file: aside.path.display().to_string(),
        reason: aside.reason,
    });
    put_aside.collect()
}

/// Asks the node whose admin listener is at `address`, and the members that it names.
///
/// # Errors
/// If that node does not answer.
pub async fn of_cluster(env: &Env, address: &str) -> anyhow::Result<pb::ClusterStatus> {
    let first = ask(env, address)
        .await
        .with_context(|| format!("no status from {address}"))?;
    let others = first.members.iter().filter(|member| member.id != first.node);
    let asked = others.map(async |member| {
        let status = ask(env, &member.admin).await.ok()?;
        // Another node may have its address by now.
        (status.node == member.id).then_some((member.id, status))
    });
    let told = futures::future::join_all(asked).await;
    let mut answers: BTreeMap<u64, NodeStatus> = told.into_iter().flatten().collect();
    let (cluster, members) = (first.cluster.clone(), first.members.clone());
    answers.insert(first.node, first);
    let groups = group_lines(&answers);
    let level = answers.values().map(|answer| answer.level).max().unwrap_or(0);
    let below = groups
        .iter()
        .filter(|group| group.leader.is_some() && group.level < level);
    Ok(pb::ClusterStatus {
        cluster,
        level,
        groups_below: below.count() as u64,
        nodes: node_lines(members, &answers),
        groups,
        quarantined: quarantined_lines(&answers),
        planned: answers.values().filter_map(|answer| answer.planned).max(),
    })
}

fn node_lines(members: Vec<Member>, answers: &BTreeMap<u64, NodeStatus>) -> Vec<pb::Node> {
    let line = |member: Member| {
        let answer = answers.get(&member.id);
        let Ok(version) = member.version.parse::<NodeVersion>();
        pb::Node {
            alive: answer.is_some(),
            ready: answer.is_some_and(|a| a.ready),
            replicas: answer.map_or(0, |a| a.replicas.len() as u64),
            leads: answer.map_or(0, |a| a.replicas.iter().filter(|r| r.leads).count() as u64),
            bytes: answer.map_or(0, |a| a.replicas.iter().map(|r| r.bytes).sum()),
            put_aside: answer.map_or_else(Vec::new, |a| a.put_aside.clone()),
            id: member.id,
            api: member.api,
            peer: member.peer,
            admin: member.admin,
            zone: member.zone,
            clock_offset_ms: answer.and_then(|a| a.clock_offset_ms),
            clock_agreed: answer.is_some_and(|a| a.clock_agreed),
            disk_full: answer.is_some_and(|a| a.disk_full),
            memory_full: answer.is_some_and(|a| a.memory_full),
            version: version.release,
            level: version.level.0,
            held: version.held,
            ..Default::default()
        }
    };
    members.into_iter().map(line).collect()
}

fn quarantined_lines(answers: &BTreeMap<u64, NodeStatus>) -> Vec<pb::QuarantinedReplica> {
    let lines = answers.iter().flat_map(|(node, answer)| {
        answer.quarantined.iter().map(|replica| pb::QuarantinedReplica {
            node: *node,
            group: replica.group,
            queue: replica.queue.clone(),
            cause: replica.cause.clone(),
            index: replica.index,
            reason: replica.reason.clone(),
            since_ms: replica.since_ms,
            version: replica.version.clone(),
        })
    });
    lines.collect()
}

fn group_lines(answers: &BTreeMap<u64, NodeStatus>) -> Vec<pb::Group> {
    let mut groups: BTreeMap<u64, pb::Group> = BTreeMap::new();
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for (node, answer) in answers {
        for replica in &answer.replicas {
            let line = groups.entry(replica.group).or_insert_with(|| pb::Group {
                id: replica.group,
                kind: replica.kind.clone(),
                queue: replica.queue.clone(),
                replicas: replica.placed.clone(),
                ..Default::default()
            });
            line.replica_states.push(replica_state(*node, replica));
            // Of two that think they lead, the one of the later term does.
            if replica.leads && (replica.term >= line.term || line.leader.is_none()) {
                line.leader = Some(*node);
                line.level = replica.level;
            }
            line.term = line.term.max(replica.term);
            line.bytes = line.bytes.max(replica.bytes);
            line.verified.push(replica.verified.clone());
            line.lag.insert(*node, replica.applied);
            let end = ends.entry(replica.group).or_default();
            *end = (*end).max(replica.last);
        }
    }
    let mut stuck: BTreeMap<&u64, &String> = answers.values().flat_map(|a| &a.stuck).collect();
    for line in groups.values_mut() {
        line.stuck = stuck.remove(&line.id).cloned();
        let end = ends.get(&line.id).copied().unwrap_or_default();
        for lag in line.lag.values_mut() {
            *lag = end.saturating_sub(*lag);
        }
    }
    groups.into_values().collect()
}

fn replica_state(node: u64, replica: &Replica) -> pb::ReplicaState {
    pb::ReplicaState {
        node,
        last_index: replica.last_entry.map(|(index, _)| index),
        last_term: replica.last_entry.map(|(_, term)| term),
        applied: replica.applied,
        applied_ms: replica.applied_ms,
        leads: replica.leads_with_lease,
    }
}

/// Whether the node whose admin listener is at `address` is ready for clients.
pub async fn is_ready(env: &Env, address: &str) -> bool {
    ask(env, address).await.is_ok_and(|status| status.ready)
}

/// Asks one node.
///
/// # Errors
/// If it does not answer.
pub(crate) async fn ask(env: &Env, address: &str) -> anyhow::Result<NodeStatus> {
    let asking = async {
        let stream = env.net.connect(address).await?;
        let answer = fetch::fetch(stream, fetch::get(address, "/status")?).await?;
        anyhow::ensure!(answer.status().is_success(), "{}", answer.status());
        Ok(serde_json::from_slice(answer.body())?)
    };
    tokio::time::timeout(ASK_TIMEOUT, asking)
        .await
        .context("no answer in time")?
}

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
            replica.reason.replace('\n', " "),
        ]);
    }
    format!("\n{}See `millrace cluster retry --help`.\n", columns(&rows))
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
fn level_line(status: &pb::ClusterStatus) -> String {
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

fn columns(rows: &[Vec<String>]) -> String {
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
