//! MoveGroup: a group is to live elsewhere, or another of its nodes is to lead it.
//!
//! The record says what is wanted. Carrying it out is an ordinary change of the group's members by its leader, who reports
//! with SettleGroup; until then, who had a replica keeps it.

use super::{Answer, Catalog, placement, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason};
use crate::command::cluster::MoveGroup;

impl Catalog {
    pub(super) fn move_group(&mut self, command: MoveGroup) -> Answer {
        let id = command.group_id;
        let replicas = command.replicas;
        let wanted = placement::in_order(&replicas);
        let known = wanted.iter().all(|node| self.nodes.contains_key(node));
        if wanted.is_empty() || wanted.len() != replicas.len() || !known {
            return Err(refusal(RefusalReason::BadPlacement, id.to_string()));
        }
        let Some(group) = self.groups.get_mut(&id) else {
            return Err(refusal(RefusalReason::NoSuchGroup, id.to_string()));
        };
        // Who has a replica of an earlier epoch keeps it until the survivor leads: see `recover_group.rs`.
        let is_recovering = group.epoch > 0
            && !group.is_settled()
            && group.replicas == [group.survivor]
            && replicas != group.replicas;
        if group.version != command.version || is_recovering {
            return Err(refusal(RefusalReason::GroupChanged, id.to_string()));
        }
        if group.replicas == replicas {
            return Ok(CatalogAnswer::Done(Done {}));
        }
        let had = placement::in_order(&group.replicas);
        let is_done = group.is_settled() && had == wanted;
        let new = wanted.iter().filter(|node| !group.members.contains(node));
        group.joined.extend(new);
        group.joined = placement::in_order(&group.joined);
        group.members.extend(&wanted);
        group.members = placement::in_order(&group.members);
        self.loads.remove(&group.replicas);
        self.loads.add(&replicas);
        group.replicas = replicas;
        group.version += 1;
        if is_done {
            // Only who is to lead is another one.
            group.settled = group.version;
        }
        self.group_changed(id);
        self.next_version();
        Ok(CatalogAnswer::Done(Done {}))
    }
}
