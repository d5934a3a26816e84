//! CloseReplicas: a node has closed its replicas of deleted groups, and never opens them again.

use super::{Answer, Catalog, RowName};
use crate::command::catalog::{CatalogAnswer, Done};
use crate::command::cluster::CloseReplicas;
use crate::level::Level;

impl Catalog {
    pub(super) fn close_replicas(&mut self, command: CloseReplicas) -> Answer {
        for group in command.groups {
            self.close_replica(group, command.node_id);
        }
        Ok(CatalogAnswer::Done(Done {}))
    }

    /// The same for a node that was taken out of the cluster: it takes part in nothing any more.
    pub(super) fn close_all_replicas(&mut self, node: u64) {
        let groups: Vec<u64> = self.closings.of_node(node).collect();
        for group in groups {
            self.close_replica(group, node);
        }
    }

    fn close_replica(&mut self, group: u64, node: u64) {
        if self.closings.close(group, node) {
            self.changes.touch(RowName::Closing(group));
        }
    }

    /// Whether a name is held until the groups of its former queue can do nothing any more. As long as it is not, a node that has
    /// not heard from the catalog for long must not go by what it knows.
    pub fn holds_names(&self) -> bool {
        self.level >= Level::ONE
    }

    /// Deleted groups that `node` has not reported to have closed, by number.
    pub fn to_close(&self, node: u64) -> impl Iterator<Item = u64> {
        self.closings.of_node(node)
    }
}
