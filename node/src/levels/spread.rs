//! Brings the cluster's level to the groups that this node leads.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use prost::Message;
use raft::command::queue::{QueueCommand, QueueOp, SetLevel};
use raft::group::Group;
use raft::groups::Groups;
use raft::machine::{Machine, MachineKind};

use crate::catalog::CatalogView;

/// Groups that are told at a time.
const TOLD_MAX: usize = 16;

/// Raises the level of each led group that is below the cluster's.
pub(super) async fn step(catalog: &CatalogView, groups: &Groups) {
    let level = catalog.read(|c| c.level());
    let is_below = |group: &Arc<Group>| {
        group.kind() == MachineKind::Queue
            && group.replica().read(Machine::level) < level
            && group.leadership().leads
    };
    let below = groups.list().into_iter().filter(is_below);
    let told = futures::stream::iter(below).map(async |group| {
        let command = QueueCommand {
            invocation: Bytes::new(),
            op: Some(QueueOp::SetLevel(SetLevel { to: level.0 })),
        };
        if let Err(error) = group.propose(command.encode_to_vec().into()).await {
            tracing::debug!(group = %group.id(), %error, "a group's level cannot rise yet");
        }
    });
    told.buffer_unordered(TOLD_MAX).collect::<()>().await;
}
