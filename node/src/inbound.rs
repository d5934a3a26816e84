//! What other nodes ask of this one.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use parking_lot::{Mutex, RwLock};
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{
    CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, NodeRecord, RefusalReason,
};
use raft::command::cluster::AdmitNode;
use raft::group::Group;
use raft::groups::Groups;
use raft::machine::Machine;
use raft::peers::pb;
use raft::peers::server::Inbound;
use raft::types::{GroupId, NodeId};

use crate::admission::Admission as NodeAdmission;
use crate::clock::AgreedClock;
use crate::errands::Errands;
use crate::identity::{Founder, Identity};
use crate::local::Local;
use crate::placement::stalls::Stalls;
use crate::placement::survey;
use crate::router::{Command, Router};

/// The serving side of a node, for its peers.
pub struct Peerside {
    /// Who this node is.
    pub me: NodeRecord,
    /// Its identity file.
    pub identity: Arc<Mutex<Identity>>,
    /// Its replicas.
    pub groups: Arc<Groups>,
    /// Its commands.
    pub local: Arc<Local>,
    /// Its clock.
    pub clock: Arc<AgreedClock>,
    /// Whether it is full.
    pub admission: Arc<NodeAdmission>,
    /// How the moves get on that it carries out.
    pub stalls: Arc<Stalls>,
    /// Its way to the catalog, for nodes that want to join and for operators; none before it belongs to a cluster.
    pub errands: RwLock<Option<Errands>>,
}

impl Inbound for Peerside {
    fn group(&self, group: GroupId) -> Option<Arc<Group>> {
        self.groups.get(group)
    }

    fn command(&self, group: GroupId, command: pb::Command) -> BoxFuture<'static, pb::CommandReply> {
        self.local.forwarded(group, command)
    }

    fn counts(&self, group: GroupId) -> pb::CountsReply {
        self.local.counts(group)
    }

    fn sizes(&self, asked: pb::Sizes) -> pb::SizesReply {
        survey::tell(&self.groups, &self.stalls, &asked)
    }

    fn node_state(&self) -> pb::NodeStateReply {
        let full = self.admission.own();
        pb::NodeStateReply {
            clock_ms: self.clock.own().0,
            disk_full: full.disk,
            memory_full: full.memory,
        }
    }

    fn hello(&self, hello: pb::HelloRequest) -> BoxFuture<'static, pb::HelloReply> {
        let Ok(asker) = NodeRecord::decode(hello.node.clone()) else {
            return std::future::ready(pb::HelloReply::default()).boxed();
        };
        let mut reply = self.introduce(&asker, hello.found);
        let is_removed = self.is_removed(NodeId(asker.node_id));
        if !reply.cluster.is_empty() && is_removed && !hello.renumber {
            reply.refusal = removed(asker.node_id);
            return std::future::ready(reply).boxed();
        }
        let admission = self.admission(&asker);
        let errands = self.errands.read().clone();
        let above = self.largest_number();
        async move {
            match errands {
                Some(errands) if hello.join && hello.renumber && !reply.cluster.is_empty() => {
                    let own = if admission == Admission::Ask {
                        asker.node_id
                    } else {
                        0
                    };
                    admit(
                        &errands,
                        NodeRecord {
                            node_id: own,
                            ..asker
                        },
                        above,
                        reply,
                    )
                    .await
                }
                Some(errands) if hello.join && !reply.cluster.is_empty() => match admission {
                    Admission::Ask => take_in(&errands.router, asker, reply).await,
                    Admission::Unknown => reply,
                    Admission::Refused => pb::HelloReply {
                        refusal: number_taken(asker.node_id),
                        ..reply
                    },
                },
                _ => reply,
            }
        }
        .boxed()
    }
}

impl Peerside {
    /// The catalog does not know founders before they registered, but they vote already: a node with
    /// the number of one and an empty folder must not take its place and vote again.
    fn admission(&self, asker: &NodeRecord) -> Admission {
        let founders = self.identity.lock().founders().to_vec();
        let node = NodeId(asker.node_id);
        let votes_unknown = self.groups.get(GroupId::CATALOG).is_some_and(|group| {
            let known = |machine: &Machine| match machine {
                Machine::Catalog(catalog) => catalog.node(node).is_some(),
                Machine::Queue(_) => false,
            };
            group.members().0.contains(&node) && !group.replica().read(known)
        });
        admission(&founders, votes_unknown, &Founder::of(asker))
    }

    /// Whether a node was taken out of the cluster, as far as this node knows.
    fn is_removed(&self, node: NodeId) -> bool {
        let catalog = self.groups.get(GroupId::CATALOG);
        catalog.is_some_and(|group| {
            group.replica().read(|machine| match machine {
                Machine::Catalog(catalog) => catalog.is_removed(node.0),
                Machine::Queue(_) => false,
            })
        })
    }

    /// The largest number that a node has, be it known to the catalog already or not.
    fn largest_number(&self) -> u64 {
        let founders = self.identity.lock().founders().iter().map(|f| f.node_id).max();
        let members = self.groups.get(GroupId::CATALOG).and_then(|group| {
            let (voters, learners) = group.members();
            voters.union(&learners).map(|node| node.0).max()
        });
        founders.max(members).unwrap_or(0).max(self.me.node_id)
    }

    /// That of its replica, which may be later than the one that it noted.
    fn catalog_epoch(&self, identity: &Identity) -> u64 {
        let catalog = self.groups.get(GroupId::CATALOG);
        let own = catalog.and_then(|catalog| catalog.epoch()).unwrap_or(0);
        own.max(identity.catalog_epoch())
    }

    fn introduce(&self, asker: &NodeRecord, found: bool) -> pb::HelloReply {
        let mut identity = self.identity.lock();
        let mut reply = pb::HelloReply {
            node: self.me.encode_to_vec().into(),
            cluster: identity.cluster().to_owned(),
            catalog_epoch: self.catalog_epoch(&identity),
            ..Default::default()
        };
        let asker = Founder::of(asker);
        if found {
            reply.promised = asker.node_id != self.me.node_id
                && identity.promise(&asker).unwrap_or_else(|error| {
                    tracing::error!(%error, "the promise to found a cluster could not be written");
                    false
                });
            return reply;
        }
        let told = |node: &Founder| Bytes::from(node.record().encode_to_vec());
        if identity.cluster().is_empty() {
            reply.members = identity.promised_to().map(told).into_iter().collect();
            return reply;
        }
        let founders = identity.founders();
        if founders
            .iter()
            .any(|f| f.node_id == asker.node_id && f.incarnation == asker.incarnation)
        {
            reply.promised = true;
            reply.members = founders.iter().map(told).collect();
        }
        reply
    }
}

/// What to answer to a node that wants to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    /// The catalog decides.
    Ask,
    /// Another node must answer: this one does not know the founders.
    Unknown,
    /// No.
    Refused,
}

/// `founders` is empty in a node that joined later; `votes_unknown` says whether a node with the
/// asker's number votes in the catalog without being registered there.
fn admission(founders: &[Founder], votes_unknown: bool, asker: &Founder) -> Admission {
    match founders.iter().find(|f| f.node_id == asker.node_id) {
        Some(founder) if founder.incarnation != asker.incarnation => Admission::Refused,
        Some(_) => Admission::Ask,
        None if votes_unknown && founders.is_empty() => Admission::Unknown,
        None => Admission::Ask,
    }
}

fn number_taken(node_id: u64) -> String {
    format!(
        "node {node_id} is a member with another data folder; a node whose folder was lost needs a new number"
    )
}

fn removed(node_id: u64) -> String {
    format!("node {node_id} was taken out of the cluster, and its number is not used again")
}

fn below_level(node_id: u64, level: &str) -> String {
    format!(
        "the cluster has level {level}, which the version of Millrace on node {node_id} does not know: \
         run a newer version there"
    )
}

/// Registers a node that wants to join this cluster.
async fn take_in(router: &Router, asker: NodeRecord, mut reply: pb::HelloReply) -> pb::HelloReply {
    match register(router, asker).await {
        Ok(()) => reply.joined = true,
        Err(Registration::Refused(reason) | Registration::Removed(reason)) => reply.refusal = reason,
        Err(Registration::NotNow(reason)) => tracing::debug!(reason, "a node could not join yet"),
    }
    reply
}

/// Registers a node that takes any number.
async fn admit(
    errands: &Errands,
    asker: NodeRecord,
    above: u64,
    mut reply: pb::HelloReply,
) -> pb::HelloReply {
    let node_id = asker.node_id;
    let admit = AdmitNode {
        node: Some(asker),
        above,
    };
    match errands.catalog(CatalogOp::AdmitNode(admit)).await {
        Ok(CatalogAnswer::Node(node)) => {
            reply.joined = true;
            reply.number = node.node_id;
        }
        Ok(CatalogAnswer::Refused(refusal)) if refusal.reason() == RefusalReason::NodeBelowLevel => {
            reply.refusal = below_level(node_id, &refusal.subject);
        }
        Ok(answer) => tracing::warn!(?answer, "a node could not be given a number"),
        Err(error) => tracing::debug!(%error, "a node could not join yet"),
    }
    reply
}

/// Why a node is not registered.
pub enum Registration {
    /// For good.
    Refused(String),
    /// It was taken out of the cluster.
    Removed(String),
    /// It may work later.
    NotNow(String),
}

/// Writes a node's record into the catalog.
///
/// # Errors
/// See [`Registration`].
pub async fn register(router: &Router, record: NodeRecord) -> Result<(), Registration> {
    let node_id = record.node_id;
    let command = CatalogCommand {
        invocation: Bytes::new(),
        op: Some(CatalogOp::RegisterNode(record)),
    };
    let command = Command {
        group: GroupId::CATALOG,
        replicas: Arc::from([] as [NodeId; 0]),
        bytes: command.encode_to_vec().into(),
        receive: None,
    };
    match router.command(command).await {
        Ok(Reply::Catalog(CatalogReply {
            answer: Some(CatalogAnswer::Done(_)),
        })) => Ok(()),
        Ok(Reply::Catalog(CatalogReply {
            answer: Some(CatalogAnswer::Refused(refusal)),
        })) => Err(match refusal.reason() {
            RefusalReason::NodeIsAnother => Registration::Refused(number_taken(node_id)),
            RefusalReason::NodeRemoved => Registration::Removed(removed(node_id)),
            RefusalReason::NodeBelowLevel => Registration::Refused(below_level(node_id, &refusal.subject)),
            other => Registration::Refused(format!("{other:?}")),
        }),
        Ok(other) => Err(Registration::NotNow(format!("unexpected reply {other:?}"))),
        Err(error) => Err(Registration::NotNow(error.to_string())),
    }
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

    #[test]
    fn a_founder_is_not_replaced_by_a_node_of_its_number() {
        let founders = [node(1, "a"), node(2, "b"), node(3, "c")];
        let admission = super::admission;
        assert_eq!(admission(&founders, true, &node(2, "b")), Admission::Ask);
        assert_eq!(admission(&founders, true, &node(2, "x")), Admission::Refused);
        assert_eq!(admission(&founders, false, &node(2, "x")), Admission::Refused);
        assert_eq!(admission(&founders, false, &node(4, "d")), Admission::Ask);
        assert_eq!(admission(&[], true, &node(2, "x")), Admission::Unknown);
        assert_eq!(admission(&[], false, &node(4, "d")), Admission::Ask);
    }
}
