//! Replicas of earlier epochs, of groups that an operator had go on without their majority
//! (`raft/src/group/epoch.rs`).
//!
//! The survivor's replica begins the new epoch. Every other one is worth nothing: it is forgotten,
//! and if the group is placed here again, it joins. Both are done while the replica is closed.

use std::io;

use raft::command::catalog::GroupRecord;
use raft::group::OpenError;
use raft::groups::Groups;
use raft::machine::MachineKind;
use raft::types::{GroupId, NodeId};

use super::Placement;

impl Placement {
    /// Closes open replicas of earlier epochs than the catalog says. They are opened anew if they
    /// are still placed here.
    pub(super) async fn close_superseded(&mut self) {
        let recovered: Vec<(GroupId, u64)> = self.catalog.read(|c| {
            let recovered = c.groups().filter(|record| record.epoch > 0);
            recovered
                .map(|record| (GroupId(record.group_id), record.epoch))
                .collect()
        });
        let is_old = |(id, current): &(GroupId, u64)| {
            let epoch = self.groups.get(*id).and_then(|group| group.epoch());
            epoch.is_some_and(|epoch| epoch < *current)
        };
        let superseded: Vec<GroupId> = recovered.into_iter().filter(is_old).map(|(id, _)| id).collect();
        for id in superseded {
            tracing::warn!(group = %id, "a group goes on in a new epoch; its replica here is closed");
            self.groups.close(id).await;
            self.polls.forget(id);
        }
    }
}

/// Whether a node that a group is to leave, and that has a replica, is to have it open. One without
/// a replica has nothing to take part with. After a recovery, other replicas than the survivor's
/// stay as they are until it leads.
pub(super) fn still_takes_part(record: &GroupRecord, me: NodeId) -> bool {
    record.members.contains(&me.0) && (record.epoch == 0 || record.is_settled() || record.survivor == me.0)
}

/// Brings what is on disk of a closed replica to the epoch of its group, or forgets it.
pub(super) async fn enter(groups: &Groups, record: &GroupRecord) -> Result<(), OpenError> {
    if record.epoch == 0 {
        return Ok(());
    }
    let id = GroupId(record.group_id);
    let Some(had) = groups.log_on_disk(id).await? else {
        return Ok(());
    };
    if record.survivor == groups.me().0 {
        groups.begin_epoch(id, MachineKind::Queue, record.epoch).await?;
    } else if had.epoch() < record.epoch {
        tracing::warn!(group = %id, epoch = record.epoch, "what is here of an earlier epoch of a group is forgotten");
        groups.leave(id).await.map_err(io::Error::other)?;
    }
    Ok(())
}
