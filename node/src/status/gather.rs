//! Asks the nodes of a cluster, and puts their answers together.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use raft::env::Env;
use raft::level::NodeVersion;

use super::{Member, NodeStatus, Replica};
use crate::cluster::pb;
use crate::fetch;

/// How long one node may take to tell.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

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
            closed: answer
                .and_then(|a| a.closed.clone())
                .map(|groups| pb::ClosedReplicas { groups }),
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
            log_file: replica.log_file.clone(),
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
        voters: replica
            .voters
            .iter()
            .map(|set| pb::VoterSet { nodes: set.clone() })
            .collect(),
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
