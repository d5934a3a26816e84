//! RegisterNode: a node says who and where it is.

use super::{Answer, Catalog, RowName, refusal};
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
        if known != Some(&node) {
            self.changes.touch(RowName::Node(node.node_id));
            self.nodes.insert(node.node_id, node);
            self.next_version();
        }
        Ok(CatalogAnswer::Done(Done {}))
    }
}
