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

/// Whether a node that a group is to leave is to have its replica open until then. A founder may
/// have been away when the group was made, and not have opened it yet: it is a voter all the same.
/// Another node without a replica has nothing to take part with. After a recovery, other replicas
/// than the survivor's stay as they are until it leads.
pub(super) fn still_takes_part(record: &GroupRecord, me: NodeId, is_on_disk: bool) -> bool {
    let has_part = is_on_disk || record.was_born_on(me.0);
    let may_vote = record.epoch == 0 || record.is_settled() || record.survivor == me.0;
    has_part && may_vote && record.members.contains(&me.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    const FOUNDER: NodeId = NodeId(2);
    const OTHER: NodeId = NodeId(6);

    /// A group that was made on nodes 2, 4 and 5, and is to live on 3 instead of 2.
    fn leaving() -> GroupRecord {
        GroupRecord {
            replicas: vec![4, 5, 3],
            members: vec![2, 3, 4, 5, 6],
            founders: vec![4, 5, 2],
            joined: vec![3, 6],
            version: 1,
            ..GroupRecord::default()
        }
    }

    #[test]
    fn a_founder_votes_until_its_group_has_moved_even_if_it_was_away_from_the_beginning() {
        assert!(still_takes_part(&leaving(), FOUNDER, false));
        let moved = GroupRecord {
            members: vec![3, 4, 5],
            settled: 1,
            ..leaving()
        };
        assert!(!still_takes_part(&moved, FOUNDER, false));
        // It has had a replica since, and has forgotten it: as an empty one it would vote again.
        let back = GroupRecord {
            joined: vec![2, 3, 6],
            ..leaving()
        };
        assert!(!still_takes_part(&back, FOUNDER, false));
    }

    #[test]
    fn another_node_takes_part_with_what_is_on_its_disk() {
        assert!(still_takes_part(&leaving(), OTHER, true));
        assert!(!still_takes_part(&leaving(), OTHER, false));
    }

    #[test]
    fn after_a_recovery_only_the_survivor_does_until_it_leads() {
        let recovered = GroupRecord {
            epoch: 1,
            survivor: 6,
            ..leaving()
        };
        assert!(still_takes_part(&recovered, OTHER, true));
        assert!(!still_takes_part(&recovered, FOUNDER, true));
    }
}
