//! RaiseLevel: all nodes know a level, so the cluster may use what needs it.

use super::{Answer, Catalog, refusal};
use crate::command::catalog::{CatalogAnswer, CatalogRefusal, Done, NodeRecord, RefusalReason};
use crate::command::cluster::RaiseLevel;
use crate::level::Level;
use crate::planted::{Bug, planted};

impl Catalog {
    pub(super) fn raise_level(&mut self, command: RaiseLevel) -> Answer {
        let to = Level(command.to);
        if to <= self.level {
            return Ok(CatalogAnswer::Done(Done {}));
        }
        if !planted(Bug::LevelTooEarly) {
            self.check_all_know(to)?;
        }
        self.level = to;
        self.next_version();
        Ok(CatalogAnswer::Done(Done {}))
    }

    fn check_all_know(&self, to: Level) -> Result<(), CatalogRefusal> {
        let mut nodes = self.nodes.values();
        if let Some(node) = nodes.clone().find(|node| node.level() < to) {
            return Err(refusal(RefusalReason::NodeBelowLevel, node.node_id.to_string()));
        }
        if let Some(node) = nodes.find(|node| node.node_version().held) {
            return Err(refusal(RefusalReason::LevelHeld, node.node_id.to_string()));
        }
        if self.nodes.is_empty() {
            return Err(refusal(RefusalReason::NoNodes, ""));
        }
        Ok(())
    }

    /// A node that knows less than the cluster's level cannot read what the others write.
    pub(super) fn check_level(&self, node: &NodeRecord) -> Result<(), CatalogRefusal> {
        if node.level() >= self.level {
            return Ok(());
        }
        let Level(level) = self.level;
        Err(refusal(RefusalReason::NodeBelowLevel, level.to_string()))
    }

    /// The highest level that all nodes know, and the nodes that are held.
    pub fn level_of_nodes(&self) -> (Level, Vec<u64>) {
        let lowest = self.nodes.values().map(NodeRecord::level).min();
        let held = self.nodes.values().filter(|node| node.node_version().held);
        (
            lowest.unwrap_or(Level::ZERO),
            held.map(|node| node.node_id).collect(),
        )
    }
}
