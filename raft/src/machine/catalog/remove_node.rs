//! RemoveNode: a node that has nothing left is no node of the cluster any more. Its number is never used again: whoever came
//! under it later would have forgotten what the first one voted.

use super::{Answer, Catalog, RowName, refusal};
use crate::command::catalog::{CatalogAnswer, Done, RefusalReason};
use crate::command::cluster::{NodeStanding, RemoveNode};

impl Catalog {
    pub(super) fn remove_node(&mut self, command: RemoveNode) -> Answer {
        let id = command.node_id;
        if self.is_removed(id) {
            return Ok(CatalogAnswer::Done(Done {}));
        }
        if !self.nodes.contains_key(&id) {
            return Err(self.no_such_node(id));
        }
        let replicas = self.groups.values().filter(|group| group.members.contains(&id));
        let replicas = replicas.count();
        if replicas > 0 {
            return Err(refusal(RefusalReason::NodeHasReplicas, replicas.to_string()));
        }
        self.nodes.remove(&id);
        self.close_all_replicas(id);
        let standing = NodeStanding {
            node_id: id,
            draining: false,
            removed: true,
        };
        self.standings.insert(id, standing);
        self.changes.touch(RowName::Node(id));
        self.changes.touch(RowName::NodeStanding(id));
        self.next_version();
        Ok(CatalogAnswer::Done(Done {}))
    }
}
