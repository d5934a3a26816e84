//! DrainNode: a node is to give away what it has, because it will leave. Nothing new is placed on it.

use super::{Answer, Catalog, RowName, refusal};
use crate::command::catalog::{CatalogAnswer, CatalogRefusal, Done, RefusalReason};
use crate::command::cluster::{DrainNode, NodeStanding};

impl Catalog {
    pub(super) fn drain_node(&mut self, command: DrainNode) -> Answer {
        let id = command.node_id;
        if !self.nodes.contains_key(&id) {
            return Err(self.no_such_node(id));
        }
        if self.drains(id) != command.drain {
            if command.drain {
                let standing = NodeStanding {
                    node_id: id,
                    draining: true,
                    removed: false,
                };
                self.standings.insert(id, standing);
            } else {
                self.standings.remove(&id);
            }
            self.changes.touch(RowName::NodeStanding(id));
            self.next_version();
        }
        Ok(CatalogAnswer::Done(Done {}))
    }

    /// Why there is no node of this number.
    pub(super) fn no_such_node(&self, id: u64) -> CatalogRefusal {
        let reason = if self.is_removed(id) {
            RefusalReason::NodeRemoved
        } else {
            RefusalReason::NoSuchNode
        };
        refusal(reason, id.to_string())
    }
}
