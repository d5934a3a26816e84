//! The admin service. Whatever changes the cluster is a command to the catalog, so that any node will do; carrying it out is the
//! planner's and the leaders' work (`placement`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::{CatalogAnswer, CatalogOp, CatalogRefusal, GroupRecord, RefusalReason};
use raft::command::cluster::{DrainNode, MoveGroup, RecoverGroup, RemoveNode};
use raft::env::Env;
use raft::level::Level;
use raft::types::{GroupId, NodeId};
use tonic::{Request, Response, Status};

use super::pb::{self, admin_client::AdminClient, admin_server::AdminServer};
use crate::catalog::CatalogView;
use crate::errands::Errands;
use crate::inbound::Peerside;
use crate::levels::hold::{self, HoldError};
use crate::placement::{plan, planner};
use crate::status;
use crate::succession;

/// The service of one node.
pub struct Service {
    /// The outside world.
    pub env: Env,
    /// Who this node is, and its way to the catalog.
    pub peerside: Arc<Peerside>,
}

impl Service {
    /// As tonic serves it.
    pub fn server(self) -> AdminServer<Service> {
        AdminServer::new(self)
    }

    pub(super) fn errands(&self) -> Result<Errands, Status> {
        let errands = self.peerside.errands.read().clone();
        errands.ok_or_else(|| match self.peerside.groups.quarantine_of(GroupId::CATALOG) {
            Some(quarantine) => Status::unavailable(format!(
                "{quarantine}; retry it on this node with `millrace cluster retry catalog`"
            )),
            None => Status::unavailable("this node belongs to no cluster yet"),
        })
    }

    async fn order(&self, op: CatalogOp) -> Result<Response<pb::Done>, Status> {
        let answer = self.errands()?.catalog(op).await;
        match answer.map_err(|e| Status::unavailable(e.to_string()))? {
            CatalogAnswer::Refused(refusal) => Err(refused(&refusal)),
            _ => Ok(Response::new(pb::Done {})),
        }
    }
}

#[tonic::async_trait]
impl pb::admin_server::Admin for Service {
    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::ClusterStatus>, Status> {
        let catalog = self.errands()?.catalog;
        let mut seen = status::of_cluster(&self.env, &self.peerside.me.admin_address)
            .await
            .map_err(|e| Status::unavailable(format!("{e:#}")))?;
        complete(&mut seen, &catalog);
        Ok(Response::new(seen))
    }

    async fn drain(&self, request: Request<pb::DrainRequest>) -> Result<Response<pb::Done>, Status> {
        let pb::DrainRequest { node, drain } = request.into_inner();
        let drain = DrainNode { node_id: node, drain };
        self.order(CatalogOp::DrainNode(drain)).await
    }

    async fn remove(&self, request: Request<pb::RemoveRequest>) -> Result<Response<pb::Done>, Status> {
        let node_id = request.into_inner().node;
        self.order(CatalogOp::RemoveNode(RemoveNode { node_id })).await
    }

    async fn retry(&self, request: Request<pb::RetryRequest>) -> Result<Response<pb::RetryReply>, Status> {
        self.retry_replicas(request.into_inner()).await.map(Response::new)
    }

    async fn verify(&self, request: Request<pb::VerifyRequest>) -> Result<Response<pb::Verified>, Status> {
        let group = GroupId(request.into_inner().group);
        let replica = self.peerside.groups.get(group);
        let replica = replica.ok_or_else(|| Status::not_found(format!("{group} is not here")))?;
        let pass = replica.verify(Duration::ZERO).await;
        let pass = pass.map_err(|e| Status::unavailable(e.to_string()))?;
        Ok(Response::new(pb::Verified {
            node: self.peerside.me.node_id,
            pass: pass.pass,
            slices: pass.slices,
            ..pb::Verified::default()
        }))
    }

    async fn upgrade(&self, request: Request<pb::UpgradeRequest>) -> Result<Response<pb::Done>, Status> {
        let hold = request.into_inner().hold;
        match hold::set(&self.errands()?, hold).await {
            Ok(()) => Ok(Response::new(pb::Done {})),
            Err(HoldError::Refused(refusal)) => Err(refused(&refusal)),
            Err(error @ HoldError::NoLevels) => Err(Status::failed_precondition(error.to_string())),
            Err(error) => Err(Status::unavailable(error.to_string())),
        }
    }

    async fn transfer(&self, request: Request<pb::TransferRequest>) -> Result<Response<pb::Done>, Status> {
        let pb::TransferRequest { group, node } = request.into_inner();
        let catalog = self.errands()?.catalog;
        if GroupId(group) == GroupId::CATALOG {
            return self.transfer_catalog(&catalog, NodeId(node)).await;
        }
        let record = catalog.read(|c| c.group(GroupId(group)).cloned());
        let record = record.ok_or_else(|| Status::not_found(format!("there is no group {group}")))?;
        if !record.replicas.contains(&node) {
            return Err(Status::failed_precondition(format!(
                "node {node} has no replica of group {group}; nodes {:?} have one",
                record.replicas
            )));
        }
        let rest = record.replicas.iter().copied().filter(|other| *other != node);
        let placed = MoveGroup {
            group_id: group,
            version: record.version,
            replicas: std::iter::once(node).chain(rest).collect(),
        };
        self.order(CatalogOp::MoveGroup(placed)).await
    }

    async fn unsafe_recover(
        &self,
        request: Request<pb::UnsafeRecoverRequest>,
    ) -> Result<Response<pb::Done>, Status> {
        let request = request.into_inner();
        if GroupId(request.group) == GroupId::CATALOG {
            return Err(Status::failed_precondition(
                "the catalog is recovered on a node that is stopped, with --data-dir",
            ));
        }
        let level = self.errands()?.catalog.read(|c| c.level());
        if level < Level::ONE {
            return Err(Status::failed_precondition(format!(
                "the cluster still has level {}; a group can be recovered from level {} on",
                level.0,
                Level::ONE.0
            )));
        }
        let recover = RecoverGroup {
            group_id: request.group,
            version: request.version,
            survivor: request.survivor,
            epoch: request.epoch,
        };
        self.order(CatalogOp::RecoverGroup(recover)).await
    }
}

impl Service {
    /// The catalog has no record of itself: its leader is asked directly.
    async fn transfer_catalog(
        &self,
        catalog: &CatalogView,
        to: NodeId,
    ) -> Result<Response<pb::Done>, Status> {
        let group = catalog.group();
        let leadership = group.leadership();
        let unled = || Status::unavailable("the catalog has no leader");
        if leadership.leads {
            if !group.members().0.contains(&to) {
                return Err(Status::failed_precondition(format!(
                    "node {to} does not vote in the catalog"
                )));
            }
            let handed_over = succession::hand_over(group, catalog.peers(), |node| node == to);
            handed_over
                .await
                .map_err(|e| Status::unavailable(e.to_string()))?;
            return Ok(Response::new(pb::Done {}));
        }
        let leader = leadership.leader.ok_or_else(unled)?;
        let nodes = catalog.nodes();
        let leader = nodes.iter().find(|n| n.node_id == leader.0).ok_or_else(unled)?;
        let channel = raft::peers::connect(self.env.net.clone(), &leader.peer_address)
            .await
            .map_err(|e| Status::unavailable(e.to_string()))?;
        let request = pb::TransferRequest {
            group: GroupId::CATALOG.0,
            node: to.0,
        };
        AdminClient::new(channel).transfer(request).await
    }
}

/// Adds what only the catalog knows.
fn complete(status: &mut pb::ClusterStatus, catalog: &CatalogView) {
    let silent: Vec<u64> = status.nodes.iter().filter(|n| !n.alive).map(|n| n.id).collect();
    let is_there = |node: NodeId| !silent.contains(&node.0);
    let nodes = planner::nodes(catalog, |_| false, is_there);
    let groups = planner::groups(catalog, |_| None);
    let (voters, _) = catalog.group().members();
    for node in &mut status.nodes {
        catalog.read(|c| {
            node.draining = c.drains(node.id);
            let placed = c.groups().filter(|group| group.members.contains(&node.id));
            node.placed = placed.count() as u64;
        });
        node.catalog_voter = voters.contains(&NodeId(node.id));
        node.stuck = node.draining && plan::is_stuck(&nodes, &groups, node.id);
    }
    catalog.read(|c| add_silent(&mut status.groups, c.groups()));
    for group in &mut status.groups {
        catalog.read(|c| {
            if let Some(record) = c.group(GroupId(group.id)) {
                group.replicas = record.replicas.clone();
                group.version = record.version;
                group.epoch = record.epoch;
                if !record.is_settled() {
                    group.moving = record.members.clone();
                }
            }
        });
    }
}

/// Adds the groups of which no replica answers.
fn add_silent<'a>(groups: &mut Vec<pb::Group>, records: impl Iterator<Item = &'a GroupRecord>) {
    let answering: BTreeSet<u64> = groups.iter().map(|group| group.id).collect();
    let silent = records.filter(|record| !answering.contains(&record.group_id));
    groups.extend(silent.map(|record| {
        pb::Group {
            id: record.group_id,
            kind: "queue".to_owned(),
            queue: record
                .queue
                .as_ref()
                .map(|q| format!("{}/{}/{}", q.account, q.region, q.name)),
            ..Default::default()
        }
    }));
    groups.sort_by_key(|group| group.id);
}

fn refused(refusal: &CatalogRefusal) -> Status {
    let subject = &refusal.subject;
    match refusal.reason() {
        RefusalReason::NoSuchNode => Status::not_found(format!("there is no node {subject}")),
        RefusalReason::NodeRemoved => {
            Status::failed_precondition(format!("node {subject} was taken out of the cluster"))
        }
        RefusalReason::NodeHasReplicas => Status::failed_precondition(format!(
            "the node still has {subject} replicas; drain it first, or say that it is lost"
        )),
        RefusalReason::NodeBelowLevel => Status::failed_precondition(format!(
            "the cluster has level {subject}, which that node does not know"
        )),
        RefusalReason::BadPlacement => {
            Status::failed_precondition(format!("that node has no replica of group {subject}"))
        }
        RefusalReason::NoSuchGroup => Status::not_found(format!("there is no group {subject}")),
        RefusalReason::GroupChanged => {
            Status::aborted(format!("group {subject} was moved at the same time; try again"))
        }
        other => Status::internal(format!("{other:?} {subject}")),
    }
}
