//! How a node comes to belong to a cluster.
//!
//! A cluster is born once, when the expected number of nodes with empty folders have found each
//! other through the seeds. The one with the smallest number founds it, after each of the others
//! promised, durably, to found with no other. A node that finds a living cluster joins it instead.
//! An empty node never founds a second cluster as long as any seed that it reaches belongs to one.
//!
//! Nodes may find each other in any order, so that several may set out to found. None can count on
//! the same node as another: a promise is exclusive, and the founder's own is asked for once more at
//! the moment of founding. They do not block each other for ever either: a founder gives way to a
//! smaller number, and a node takes its promise back when it hears, from the very node it promised
//! to, that this one gave way or has a new data folder.

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
        if let Some(found) = look_around(env, config, identity, me).await? {
            if !announced {
                let known: Vec<u64> = found.keys().map(|n| n.0).collect();
                tracing::info!(
                    ?known,
                    expected = config.bootstrap_expect,
                    "looking for the other nodes"
                );
                announced = true;
            }
            found_cluster(env, config, identity, me, &found).await?;
        }
        tokio::time::sleep(ROUND_PAUSE).await;
    }
}

/// Greets everybody once. Gives the nodes without a cluster, this one among them, or nothing if
/// there is a living cluster, which this node then joined, or could not join yet.
async fn look_around(
    env: &Env,
    config: &Config,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
) -> anyhow::Result<Option<BTreeMap<NodeId, NodeRecord>>> {
    let promised_to = identity.lock().promised_to().cloned();
    let promised_to = promised_to.filter(|p| p.incarnation.as_bytes() != me.incarnation);
    let mut addresses: Vec<&str> = config.seeds.iter().map(String::as_str).collect();
    if let Some(promised) = &promised_to
        && !addresses.contains(&promised.peer_address.as_str())
    {
        addresses.push(&promised.peer_address);
    }
    let mut found = BTreeMap::from([(NodeId(me.node_id), me.clone())]);
    let mut living = false;
    for address in addresses {
        let Some((reply, record)) = greet(env, address, hello(me)).await else {
            continue;
        };
        if record.incarnation == me.incarnation {
            continue;
        }
        if record.node_id == me.node_id && (!config.renumber || reply.cluster.is_empty()) {
            anyhow::bail!(
                "{address} says that it is node {} too; every node needs its own number",
                me.node_id
            );
        }
        if !reply.cluster.is_empty() {
            living = true;
            join(env, config, identity, me, address, &reply).await?;
            if !identity.lock().cluster().is_empty() {
                break;
            }
            continue;
        }
        if let Some(promised) = &promised_to
            && founds_no_more(promised, &Founder::of(&record), &reply)
        {
            tracing::info!(founder = promised.node_id, "a promise to found a cluster is void");
            identity.lock().release(promised)?;
        }
        found.insert(NodeId(record.node_id), record);
    }
    Ok((!living).then_some(found))
}

/// Whether a promise is void after this reply, which was asked for when the promise stood already:
/// the promised founder, without a cluster, is not promised to itself any more, or has lost the
/// folder in which it was. Should it set out to found again, it will ask for a new promise.
fn founds_no_more(promised: &Founder, speaker: &Founder, reply: &HelloReply) -> bool {
    if speaker.node_id != promised.node_id || !reply.cluster.is_empty() {
        return false;
    }
    let to_itself = reply
        .members
        .iter()
        .filter_map(|m| NodeRecord::decode(m.clone()).ok())
        .any(|m| Founder::of(&m).incarnation == promised.incarnation);
    speaker.incarnation != promised.incarnation || !to_itself
}

fn hello(me: &NodeRecord) -> HelloRequest {
    HelloRequest {
        node: me.encode_to_vec().into(),
        ..Default::default()
    }
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

/// The node begins anew, with what its identity says now.
#[derive(Debug, thiserror::Error)]
#[error("this node starts over")]
pub struct StartOver;

/// Enters the living cluster that answers at `seed`: as one of its founders, or as a new member.
async fn join(
    env: &Env,
    config: &Config,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
    seed: &str,
    reply: &HelloReply,
) -> anyhow::Result<()> {
    if reply.promised {
        let members = reply
            .members
            .iter()
            .filter_map(|m| NodeRecord::decode(m.clone()).ok());
        let founders = members.map(|m| Founder::of(&m)).collect();
        identity.lock().belong(&reply.cluster, founders)?;
        tracing::info!(
            cluster = reply.cluster,
            "belongs to the cluster that it promised to found"
        );
        return Ok(());
    }
    let request = HelloRequest {
        join: true,
        renumber: config.renumber,
        ..hello(me)
    };
    let Some((answer, _)) = greet(env, seed, request).await else {
        return Ok(());
    };
    if !answer.refusal.is_empty() {
        anyhow::bail!("the cluster refuses this node: {}", answer.refusal);
    }
    if answer.joined && answer.number != 0 && answer.number != me.node_id {
        let number = NodeId(answer.number);
        identity.lock().belong_as(number, &answer.cluster)?;
        tracing::info!(cluster = answer.cluster, %number, "joined a living cluster under another number");
        return Err(StartOver.into());
    }
    if answer.joined {
        identity.lock().belong(&answer.cluster, Vec::new())?;
        tracing::info!(cluster = answer.cluster, "joined a living cluster");
    }
    Ok(())
}

/// Founds a cluster with those who promise, if they are enough. Only the smallest number sets out to,
/// but who did goes on whatever nodes appear later.
async fn found_cluster(
    env: &Env,
    config: &Config,
    identity: &Mutex<Identity>,
    me: &NodeRecord,
    found: &BTreeMap<NodeId, NodeRecord>,
) -> anyhow::Result<()> {
    if found.len() < config.bootstrap_expect {
        return Ok(());
    }
    let itself = Founder::of(me);
    let smallest = found.first_key_value().map(|(id, _)| id.0) == Some(me.node_id);
    let promised_to = identity.lock().promised_to().cloned();
    if promised_to.is_none() && !smallest {
        return Ok(());
    }
    if !identity.lock().promise(&itself)? {
        return Ok(());
    }
    let mut members = vec![itself];
    for other in found.values().filter(|o| o.node_id != me.node_id) {
        if members.len() == config.bootstrap_expect {
            break;
        }
        let request = HelloRequest {
            found: true,
            ..hello(me)
        };
        if let Some((reply, record)) = greet(env, &other.peer_address, request).await
            && reply.promised
            && record.incarnation == other.incarnation
        {
            members.push(Founder::of(&record));
        }
    }
    if members.len() < config.bootstrap_expect {
        return Ok(());
    }
    members.sort_by_key(|m| m.node_id);
    let cluster = format!("{:016x}{:016x}", env.random.next_u64(), env.random.next_u64());
    let nodes = members.len();
    if identity.lock().found(&cluster, members)? {
        tracing::info!(cluster, nodes, "founded a cluster");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node_id: u64, incarnation: &str) -> Founder {
        Founder {
            node_id,
            incarnation: incarnation.to_owned(),
            peer_address: String::new(),
        }
    }

    fn promised_to(members: &[Founder]) -> HelloReply {
        HelloReply {
            members: members
                .iter()
                .map(|m| m.record().encode_to_vec().into())
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_promise_is_void_only_by_the_word_of_the_founder() {
        let (founder, reborn, other) = (node(2, "a"), node(2, "b"), node(1, "c"));
        let stands = |speaker: &Founder, reply| !founds_no_more(&founder, speaker, &reply);
        assert!(stands(&founder, promised_to(std::slice::from_ref(&founder))));
        assert!(
            stands(&other, promised_to(std::slice::from_ref(&other))),
            "another node speaks"
        );
        assert!(
            !stands(&founder, promised_to(std::slice::from_ref(&other))),
            "it gave way"
        );
        assert!(!stands(&founder, promised_to(&[])), "it was released itself");
        assert!(!stands(&reborn, promised_to(&[])), "its folder was lost");
        let founded = HelloReply {
            cluster: "cluster".to_owned(),
            ..Default::default()
        };
        assert!(stands(&founder, founded), "it has founded");
    }
}
