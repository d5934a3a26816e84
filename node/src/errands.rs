//! Commands that a node gives by itself, not on behalf of a call: each may be repeated as often as need be.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use raft::command::Reply;
use raft::command::catalog::{CatalogAnswer, CatalogCommand, CatalogOp, CatalogReply, GroupRecord};
use raft::command::queue::{QueueCommand, QueueOp};
use raft::types::{GroupId, NodeId};

use crate::catalog::{CatalogView, replicas};
use crate::router::{Command, RouteError, Router};

/// How a node gives them.
#[derive(Clone)]
pub struct Errands {
    /// Knows where groups are.
    pub catalog: Arc<CatalogView>,
    /// Finds their leaders.
    pub router: Arc<Router>,
}

impl Errands {
    /// Gets a command done by a queue's partition.
    ///
    /// # Errors
    /// As the router's; [`RouteError::Unavailable`] if the leader is of an older version and does not know the command.
    pub async fn queue(&self, group: GroupId, op: QueueOp) -> Result<(), RouteError> {
        let record = self.catalog.read(|c| c.group(group).cloned());
        let replicas = record.map_or_else(Vec::new, |record: GroupRecord| replicas(&record));
        let command = QueueCommand {
            invocation: Bytes::new(),
            op: Some(op),
        };
        self.give(group, replicas.into(), command.encode_to_vec()).await?;
        Ok(())
    }

    /// Gets a command done by the catalog, or refused by it.
    ///
    /// # Errors
    /// As for [`Errands::queue`].
    pub async fn catalog(&self, op: CatalogOp) -> Result<CatalogAnswer, RouteError> {
        let command = CatalogCommand {
            invocation: Bytes::new(),
            op: Some(op),
        };
        let nowhere = Arc::from([] as [NodeId; 0]);
        match self
            .give(GroupId::CATALOG, nowhere, command.encode_to_vec())
            .await?
        {
            Reply::Catalog(CatalogReply { answer: Some(answer) }) => Ok(answer),
            _ => Err(RouteError::Unavailable(GroupId::CATALOG)),
        }
    }

    async fn give(
        &self,
        group: GroupId,
        replicas: Arc<[NodeId]>,
        bytes: Vec<u8>,
    ) -> Result<Reply, RouteError> {
        let command = Command {
            group,
            replicas,
            bytes: bytes.into(),
            receive: None,
        };
        match self.router.command(command).await? {
            reply @ (Reply::Queue(_) | Reply::Catalog(_)) => Ok(reply),
            Reply::Unintelligible | Reply::Unread(_) => Err(RouteError::Unavailable(group)),
        }
    }
}
