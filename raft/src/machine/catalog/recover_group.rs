//! RecoverGroup: a group that lost its majority for good goes on with one replica, in a new epoch.
//!
//! An operator's decision, never the planner's: what only the lost replicas had is lost. The record
//! says which replica goes on; its node carries that out (`raft/src/group/epoch.rs`). All others
//! are closed. They stay on disk until the survivor leads and reports that (SettleGroup): should it
//! fail before, another one can be chosen. Then they are forgotten, and come back only as ones that
//! join. The planner adds replicas as to any group that has too few.

use super::{Answer, Catalog, placement, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason};
use crate::command::cluster::RecoverGroup;

impl Catalog {
    pub(super) fn recover_group(&mut self, command: RecoverGroup) -> Answer {
        let (id, survivor) = (command.group_id, command.survivor);
        let Some(group) = self.groups.get_mut(&id) else {
            return Err(refusal(RefusalReason::NoSuchGroup, id.to_string()));
        };
        // A replica may have begun an epoch of which the catalog knows nothing any more.
        if group.version != command.version || command.epoch <= group.epoch {
            return Err(refusal(RefusalReason::GroupChanged, id.to_string()));
        }
        if !group.members.contains(&survivor) || !self.nodes.contains_key(&survivor) {
            return Err(refusal(RefusalReason::BadPlacement, id.to_string()));
        }
        group.joined.extend(group.members.iter().chain(&group.founders));
        group.joined = placement::in_order(&group.joined);
        self.loads.remove(&group.replicas);
        group.replicas = vec![survivor];
        self.loads.add(&group.replicas);
        group.version += 1;
        group.epoch = command.epoch;
        group.survivor = survivor;
        self.group_changed(id);
        self.next_version();
        Ok(CatalogAnswer::Done(Done {}))
    }
}
