//! SettleGroup: what MoveGroup wanted is done. Nodes that are no members any more may forget their replicas: a majority without
//! them has agreed on that.

use super::{Answer, Catalog, placement, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason};
use crate::command::cluster::SettleGroup;

impl Catalog {
    pub(super) fn settle_group(&mut self, command: SettleGroup) -> Answer {
        let id = command.group_id;
        let Some(group) = self.groups.get_mut(&id) else {
            return Err(refusal(RefusalReason::NoSuchGroup, id.to_string()));
        };
        // Of an earlier version, it would let go of somebody who is wanted back.
        if group.version != command.version {
            return Err(refusal(RefusalReason::GroupChanged, id.to_string()));
        }
        if !group.is_settled() {
            group.settled = group.version;
            group.members = placement::in_order(&group.replicas);
            self.group_changed(id);
            self.next_version();
        }
        Ok(CatalogAnswer::Done(Done {}))
    }
}
