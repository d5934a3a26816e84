//! RegisterNode: a node says who and where it is.

use super::{Answer, Catalog, RowName, placement, refusal};
use crate::command::catalog::{CatalogAnswer, Done, NodeRecord, RefusalReason};

impl Catalog {
    pub(super) fn register_node(&mut self, node: NodeRecord) -> Answer {
        if self.is_removed(node.node_id) {
            return Err(refusal(RefusalReason::NodeRemoved, node.node_id.to_string()));
        }
        self.check_level(&node)?;
        let known = self.nodes.get(&node.node_id);
        // Another data folder has forgotten what this node voted: it must not vote under its number.
        if known.is_some_and(|known| known.incarnation != node.incarnation) {
            return Err(refusal(RefusalReason::NodeIsAnother, node.node_id.to_string()));
        }
        let is_new = known.is_none();
        if known != Some(&node) {
            self.changes.touch(RowName::Node(node.node_id));
            if is_new {
                self.may_have_replicas(node.node_id);
            }
            self.nodes.insert(node.node_id, node);
            self.next_version();
        }
        Ok(CatalogAnswer::Done(Done {}))
    }

    /// A catalog that went on without its majority may have forgotten a node, and what was placed
    /// there: see `enter_epoch.rs`.
    fn may_have_replicas(&mut self, node: u64) {
        if self.epoch == 0 {
            return;
        }
        let unsettled = self.groups.values().filter(|group| !group.is_settled());
        let unsettled: Vec<u64> = unsettled.map(|group| group.group_id).collect();
        for id in unsettled {
            if let Some(group) = self.groups.get_mut(&id) {
                group.joined.push(node);
                group.joined = placement::in_order(&group.joined);
                group.members.push(node);
                group.members = placement::in_order(&group.members);
                self.group_changed(id);
            }
        }
    }
}
