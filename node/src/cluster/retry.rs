//! Opens quarantined replicas again, because an operator asks for it: on this node, or on all that have one.

use std::time::Duration;

use futures::future::join_all;
use raft::command::catalog::{NodeRecord, ResourceKey};
use raft::groups::Groups;
use raft::types::GroupId;
use tokio::time::Instant;
use tonic::Status;

use super::pb::retried::State;
use super::pb::{self, admin_client::AdminClient};
use super::service::Service;
use crate::catalog::CatalogView;

/// How long a replica may take to open and to get past the entry that it could not apply, before it is told of as it is.
const OUTCOME_MAX: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long another node may take to answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

impl Service {
    pub(super) async fn retry_replicas(&self, request: pb::RetryRequest) -> Result<pb::RetryReply, Status> {
        let here = self.peerside.me.node_id;
        let groups = match (request.group, &request.queue) {
            (Some(group), _) => vec![GroupId(group)],
            (None, Some(name)) => groups_of(&self.errands()?.catalog, name)?,
            (None, None) => return Err(Status::invalid_argument("neither a group nor a queue is named")),
        };
        // A node without its catalog knows no others, and is asked for its own.
        let is_alone = self.peerside.errands.read().is_none();
        let nodes = match request.here || is_alone {
            true => vec![self.peerside.me.clone()],
            false => self.errands()?.catalog.nodes(),
        };
        let meant = |node: &&NodeRecord| request.node.is_none_or(|number| number == node.node_id);
        let nodes: Vec<&NodeRecord> = nodes.iter().filter(meant).collect();
        if nodes.is_empty() {
            return Err(Status::not_found("there is no such node"));
        }
        let pairs = nodes
            .iter()
            .flat_map(|node| groups.iter().map(move |group| (*node, *group)));
        let replicas = join_all(pairs.map(async |(node, group)| {
            if node.node_id == here {
                retry_here(&self.peerside.groups, group, request.from_peer).await
            } else {
                self.retry_there(node, group, request.from_peer).await
            }
        }));
        let replicas = replicas.await;
        Ok(pb::RetryReply { replicas })
    }

    async fn retry_there(&self, node: &NodeRecord, group: GroupId, from_peer: bool) -> pb::Retried {
        let request = pb::RetryRequest {
            group: Some(group.0),
            queue: None,
            node: Some(node.node_id),
            from_peer,
            here: true,
        };
        let asked = async {
            let channel = raft::peers::connect(self.env.net.clone(), &node.peer_address).await;
            let channel = channel.map_err(|error| error.to_string())?;
            let answer = AdminClient::new(channel).retry(request).await;
            let answer = answer.map_err(|status| status.message().to_owned())?;
            let first = answer.into_inner().replicas.into_iter().next();
            first.ok_or_else(|| "it said nothing".to_owned())
        };
        let answer = tokio::time::timeout(ASK_TIMEOUT, asked).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        answer.unwrap_or_else(|reason| retried(node.node_id, group, State::Unreachable, reason))
    }
}

/// The groups of a queue, by its name or by `account/region/name`.
fn groups_of(catalog: &CatalogView, name: &str) -> Result<Vec<GroupId>, Status> {
    let is_meant = |key: &ResourceKey| match name.contains('/') {
        true => name == format!("{}/{}/{}", key.account, key.region, key.name),
        false => name == key.name,
    };
    let found: Vec<(ResourceKey, GroupId)> = catalog.read(|c| {
        let queues = c
            .groups()
            .filter_map(|group| Some((group.queue.clone()?, group.group_id)));
        let queues = queues.filter(|(key, _)| is_meant(key));
        queues.map(|(key, group)| (key, GroupId(group))).collect()
    });
    let Some((first, _)) = found.first() else {
        return Err(Status::not_found(format!("there is no queue {name}")));
    };
    if found.iter().any(|(key, _)| key != first) {
        return Err(Status::failed_precondition(format!(
            "several queues are called {name}: say which as account/region/name"
        )));
    }
    Ok(found.into_iter().map(|(_, group)| group).collect())
}

/// Opens this node's replica again, if it is quarantined, and looks what comes of it.
async fn retry_here(groups: &Groups, group: GroupId, from_peer: bool) -> pb::Retried {
    let node = groups.me().0;
    let Some(before) = groups.retry(group, from_peer) else {
        return retried(node, group, State::NotQuarantined, String::new());
    };
    let begun = Instant::now();
    let past = before.broken.index.map_or(0, |index| index + 1);
    loop {
        // Until files are replaced, the replica counts as quarantined.
        let quarantine = groups.quarantine_of(group).filter(|_| !from_peer);
        if let Some(quarantine) = quarantine {
            return retried(node, group, State::Quarantined, quarantine.broken.reason);
        }
        let open = groups.get(group);
        if open.is_some_and(|open| open.progress().applied >= past && open.fault().is_none()) {
            return retried(node, group, State::Open, String::new());
        }
        if begun.elapsed() > OUTCOME_MAX {
            let reason = match past {
                0 => "it has not opened yet".to_owned(),
                past => format!("it has not applied entry {} yet", past - 1),
            };
            return retried(node, group, State::Opening, reason);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn retried(node: u64, group: GroupId, state: State, reason: String) -> pb::Retried {
    pb::Retried {
        group: group.0,
        node,
        state: state.into(),
        reason,
    }
}
