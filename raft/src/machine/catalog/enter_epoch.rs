//! EnterEpoch: the catalog goes on after it lost its majority for good. It may have forgotten its
//! last changes.
//!
//! - Numbers that it forgot must not be given again: a node may have replicas of a forgotten group
//!   on its disk, and partitions know the versions of forgotten settings. Numbers of a new epoch
//!   begin above all of the old one. Groups with a lower number that it does not know count as
//!   deleted, so that their replicas go.
//! - Groups may have moved since. So none counts as settled: any node may have a replica, and keeps
//!   it until the group's leader has brought its members to those that the record wants, and
//!   reports that. Nobody counts as born with a group either: who has nothing of it joins.

use super::{Answer, Catalog, placement};
use crate::command::catalog::{CatalogAnswer, Done};
use crate::command::cluster::EnterEpoch;

/// Numbers of an epoch begin here, times the epoch.
const NUMBERS: u64 = 1 << 32;

/// There are no more: numbers must not run out.
const EPOCHS_MAX: u64 = 1 << 31;

impl Catalog {
    pub(super) fn enter_epoch(&mut self, command: EnterEpoch) -> Answer {
        if command.epoch > self.epoch && command.epoch < EPOCHS_MAX {
            self.epoch = command.epoch;
            let first = NUMBERS * command.epoch;
            self.next_group = self.next_group.max(first);
            self.version = self.version.max(first);
            self.unsettle_all();
            self.next_version();
        }
        Ok(CatalogAnswer::Done(Done {}))
    }

    fn unsettle_all(&mut self) {
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        let groups: Vec<u64> = self.groups.keys().copied().collect();
        for id in groups {
            if let Some(group) = self.groups.get_mut(&id) {
                group.joined.extend(group.founders.iter().chain(&group.members));
                group.joined = placement::in_order(&group.joined);
                group.members.extend(&nodes);
                group.members = placement::in_order(&group.members);
                group.version += 1;
                self.group_changed(id);
            }
        }
    }

    /// How often the catalog had to go on without its majority.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}
