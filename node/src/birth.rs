//! How a node comes to belong to a cluster.
//!
//! A cluster is born once, when the expected number of nodes with empty folders have found each
//! other through the seeds. The one with the smallest number founds it, after each of the others
//! promised, durably, to found with no other. A node that finds a living cluster joins it instead.
//! An empty node never founds a second cluster as long as any seed that it reaches belongs to one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use raft::command::catalog::NodeRecord;
use raft::env::Env;
use raft::peers::pb::{HelloReply, HelloRequest, peers_client::PeersClient};
use raft::peers::{Peers, connect};
use raft::types::NodeId;

use crate::config::Config;
use crate::identity::{Founder, Identity};

/// Pause between rounds of greetings.
const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// How long one greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(3);

/// Returns once this node belongs to a cluster.
///
/// # Errors
/// If a living cluster refuses this node for good, or the identity cannot be written.
pub async fn belong(
    env: &Env,
    config: &Config,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
    peers: &Arc<Peers>,
) -> anyhow::Result<()> {
    let mut announced = false;
    loop {
        let cluster = identity.lock().cluster().to_owned();
        if !cluster.is_empty() {
            peers.set_cluster(&cluster);
            return Ok(());
        }
        let mut found = BTreeMap::from([(NodeId(me.node_id), me.clone())]);
        for seed in &config.seeds {
            let Some((reply, record)) = greet(env, seed, hello(me)).await else { continue };
            if record.incarnation == me.incarnation {
                continue;
            }
            if record.node_id == me.node_id {
                anyhow::bail!("{seed} says that it is node {} too; every node needs its own number", me.node_id);
            }
            if !reply.cluster.is_empty() {
                join(env, identity, me, seed, &reply).await?;
                break;
            }
            found.insert(NodeId(record.node_id), record);
        }
        if identity.lock().cluster().is_empty() {
            if !announced {
                let known: Vec<u64> = found.keys().map(|n| n.0).collect();
                tracing::info!(?known, expected = config.bootstrap_expect, "looking for the other nodes");
                announced = true;
            }
            found_cluster(env, config, identity, me, &found).await?;
        }
        tokio::time::sleep(ROUND_PAUSE).await;
    }
}

fn hello(me: &NodeRecord) -> HelloRequest {
    HelloRequest { node: me.encode_to_vec().into(), ..Default::default() }
}

/// Greets whoever listens at `address`; nothing if nobody answers in time.
pub async fn greet(env: &Env, address: &str, hello: HelloRequest) -> Option<(HelloReply, NodeRecord)> {
    let greeting = async {
        let channel = connect(env.net.clone(), address).await.ok()?;
        let reply = PeersClient::new(channel).hello(hello).await.ok()?.into_inner();
        let record = NodeRecord::decode(reply.node.clone()).ok()?;
        Some((reply, record))
    };
    tokio::time::timeout(GREETING_TIMEOUT, greeting).await.ok()?
}

/// Enters the living cluster that answers at `seed`: as one of its founders, or as a new member.
async fn join(
    env: &Env,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
    seed: &str,
    reply: &HelloReply,
) -> anyhow::Result<()> {
    if reply.promised {
        let members = reply.members.iter().filter_map(|m| NodeRecord::decode(m.clone()).ok());
        identity.lock().belong(&reply.cluster, founders(members))?;
        tracing::info!(cluster = reply.cluster, "belongs to the cluster that it promised to found");
        return Ok(());
    }
    let request = HelloRequest { join: true, ..hello(me) };
    let Some((answer, _)) = greet(env, seed, request).await else { return Ok(()) };
    if !answer.refusal.is_empty() {
        anyhow::bail!("the cluster refuses this node: {}", answer.refusal);
    }
    if answer.joined {
        identity.lock().belong(&answer.cluster, Vec::new())?;
        tracing::info!(cluster = answer.cluster, "joined a living cluster");
    }
    Ok(())
}

/// Founds a cluster, if enough nodes were found, this one has the smallest number, and all promise.
async fn found_cluster(
    env: &Env,
    config: &Config,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
    found: &BTreeMap<NodeId, NodeRecord>,
) -> anyhow::Result<()> {
    let members: Vec<&NodeRecord> = found.values().take(config.bootstrap_expect).collect();
    if members.len() < config.bootstrap_expect || members[0].incarnation != me.incarnation {
        return Ok(());
    }
    let own = String::from_utf8_lossy(&me.incarnation).into_owned();
    if !identity.lock().promise(&own)? {
        return Ok(());
    }
    for member in &members[1..] {
        let request = HelloRequest { found: true, ..hello(me) };
        let Some((reply, record)) = greet(env, &member.peer_address, request).await else { return Ok(()) };
        if !reply.promised || record.incarnation != member.incarnation {
            return Ok(());
        }
    }
    let cluster = format!("{:016x}{:016x}", env.random.next_u64(), env.random.next_u64());
    identity.lock().belong(&cluster, founders(members.into_iter().cloned()))?;
    tracing::info!(cluster, nodes = found.len(), "founded a cluster");
    Ok(())
}

fn founders(members: impl Iterator<Item = NodeRecord>) -> Vec<Founder> {
    members
        .map(|m| Founder {
            node_id: m.node_id,
            incarnation: String::from_utf8_lossy(&m.incarnation).into_owned(),
            peer_address: m.peer_address,
        })
        .collect()
}
