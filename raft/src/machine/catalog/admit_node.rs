//! AdmitNode: a node without a past gets a number.

use super::{Answer, Catalog, RowName, refusal};
use crate::command::catalog::{CatalogAnswer, NodeRecord, RefusalReason};
use crate::command::cluster::AdmitNode;

impl Catalog {
    pub(super) fn admit_node(&mut self, command: AdmitNode) -> Answer {
        let mut node = command.node.unwrap_or_default();
        if node.incarnation.is_empty() {
            return Err(refusal(RefusalReason::NodeIsAnother, node.node_id.to_string()));
        }
        self.check_level(&node)?;
        let same = |known: &&NodeRecord| known.incarnation == node.incarnation;
        if let Some(known) = self.nodes.values().find(same) {
            return Ok(CatalogAnswer::Node(known.clone()));
        }
        if node.node_id == 0 || self.is_spent(node.node_id) {
            let nodes = self.nodes.last_key_value().map_or(0, |(id, _)| *id);
            let gone = self.standings.last_key_value().map_or(0, |(id, _)| *id);
            node.node_id = nodes.max(gone).max(command.above).saturating_add(1);
        }
        if self.is_spent(node.node_id) {
            // Somebody has the largest number there is.
            return Err(refusal(RefusalReason::NodeIsAnother, node.node_id.to_string()));
        }
        self.changes.touch(RowName::Node(node.node_id));
        self.nodes.insert(node.node_id, node.clone());
        self.next_version();
        Ok(CatalogAnswer::Node(node))
    }

    /// Whether a number is, or was, some node's.
    fn is_spent(&self, id: u64) -> bool {
        self.nodes.contains_key(&id) || self.is_removed(id)
    }
}
