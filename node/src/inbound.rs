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
use raft::group::Group;
use raft::groups::Groups;
use raft::peers::pb;
use raft::peers::server::Inbound;
use raft::types::{GroupId, NodeId};

use crate::identity::{Founder, Identity};
use crate::local::Local;
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
    /// Its way to the catalog, for nodes that want to join.
    pub router: RwLock<Option<Arc<Router>>>,
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

    fn hello(&self, hello: pb::HelloRequest) -> BoxFuture<'static, pb::HelloReply> {
        let Ok(asker) = NodeRecord::decode(hello.node.clone()) else {
            return std::future::ready(pb::HelloReply::default()).boxed();
        };
        let reply = self.introduce(&asker, hello.found);
        let router = self.router.read().clone();
        async move {
            match router {
                Some(router) if hello.join && !reply.cluster.is_empty() => {
                    take_in(&router, asker, reply).await
                }
                _ => reply,
            }
        }
        .boxed()
    }
}

impl Peerside {
    fn introduce(&self, asker: &NodeRecord, found: bool) -> pb::HelloReply {
        let mut identity = self.identity.lock();
        let mut reply = pb::HelloReply {
            node: self.me.encode_to_vec().into(),
            cluster: identity.cluster().to_owned(),
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

/// Registers a node that wants to join this cluster.
async fn take_in(router: &Router, asker: NodeRecord, mut reply: pb::HelloReply) -> pb::HelloReply {
    match register(router, asker).await {
        Ok(()) => reply.joined = true,
        Err(Registration::Refused(reason)) => reply.refusal = reason,
        Err(Registration::NotNow(reason)) => tracing::debug!(reason, "a node could not join yet"),
    }
    reply
}

/// Why a node is not registered.
pub enum Registration {
    /// For good.
    Refused(String),
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
        })) => Err(Registration::Refused(match refusal.reason() {
            RefusalReason::NodeIsAnother => format!(
                "node {node_id} is a member with another data folder; a node whose folder was lost needs a new number"
            ),
            other => format!("{other:?}"),
        })),
        Ok(other) => Err(Registration::NotNow(format!("unexpected reply {other:?}"))),
        Err(error) => Err(Registration::NotNow(error.to_string())),
    }
}
