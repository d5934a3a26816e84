//! `millrace cluster verify`: has leaders compare the states of their groups' replicas, and says
//! which differ.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use raft::env::Env;
use tokio::time::Instant;

use super::command::{Asker, said};
use super::pb::{self, admin_client::AdminClient};
use crate::cli::Output;

/// How long a replica may be behind its leader.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the replicas are asked.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// Groups that are compared at the same time.
const GROUPS_AT_A_TIME: usize = 8;

/// Compares the groups of a queue, named `account/region/name` or just by its name, or all groups.
///
/// # Errors
/// If replicas differ, with the groups and the nodes; or if some could not be compared.
pub(super) async fn verify(
    env: &Env,
    asker: &mut Asker,
    queue: Option<&str>,
    output: Output,
) -> anyhow::Result<()> {
    let status = asker.status().await?;
    let is_meant = |group: &&pb::Group| match (queue, &group.queue) {
        (None, _) => true,
        (Some(wanted), Some(name)) => name == wanted || name.ends_with(&format!("/{wanted}")),
        (Some(_), None) => false,
    };
    let groups: Vec<&pb::Group> = status.groups.iter().filter(is_meant).collect();
    anyhow::ensure!(
        !groups.is_empty(),
        "there is no queue {}",
        queue.unwrap_or_default()
    );
    let mut passes = BTreeMap::new();
    let mut failures = Vec::new();
    for some in groups.chunks(GROUPS_AT_A_TIME) {
        let walks = some.iter().map(|group| walk(env, &status, group));
        for (group, walked) in some.iter().zip(futures::future::join_all(walks).await) {
            match walked {
                Ok(pass) => drop(passes.insert(group.id, pass)),
                Err(error) => failures.push(format!("group {}: {error:#}", group.id)),
            }
        }
    }
    failures.extend(await_equal(asker, &passes).await?);
    anyhow::ensure!(failures.is_empty(), "{}", failures.join("\n"));
    let groups = passes.len();
    match output {
        Output::Json => println!("{}", serde_json::json!({ "groups": groups })),
        Output::Table => println!("{groups} groups compared: all replicas have the same state"),
    }
    Ok(())
}

/// Has the leader of a group walk over its state.
async fn walk(env: &Env, status: &pb::ClusterStatus, group: &pb::Group) -> anyhow::Result<pb::Verified> {
    let leader = group.leader.context("it has no leader")?;
    let node = status.nodes.iter().find(|node| node.id == leader);
    let peer = &node.context("its leader is no node of the cluster")?.peer;
    let channel = raft::peers::connect(env.net.clone(), peer).await;
    let channel = channel.with_context(|| format!("its leader, node {leader}, does not answer"))?;
    let request = pb::VerifyRequest { group: group.id };
    let reply = AdminClient::new(channel).verify(request).await;
    Ok(reply.map_err(said)?.into_inner())
}

/// Waits until all replicas have compared what their leaders did. Returns what is wrong.
async fn await_equal(asker: &mut Asker, passes: &BTreeMap<u64, pb::Verified>) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let status = asker.status().await?;
        let (mut wrong, mut waiting) = (Vec::new(), Vec::new());
        for group in &status.groups {
            let Some(pass) = passes.get(&group.id) else {
                continue;
            };
            for node in &group.replicas {
                let found = group.verified.iter().find(|verified| verified.node == *node);
                let name = || format!("group {} on node {node}", group.id);
                match found {
                    Some(found) if found.pass == pass.pass && found.unequal > 0 => {
                        wrong.push(format!("{} differs: {}", name(), found.divergence));
                    }
                    Some(found) if found.pass == pass.pass && found.equal == pass.slices => {}
                    _ => waiting.push(format!("{} was not compared", name())),
                }
            }
        }
        if waiting.is_empty() || begun.elapsed() > PATIENCE {
            wrong.extend(waiting);
            return Ok(wrong);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
