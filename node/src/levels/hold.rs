//! Keeps the cluster's level where it is, so that nodes can go back to the version before.
//!
//! The mark is in the version text of every node that knows levels: it is the one thing that a
//! catalog of level 0 keeps and hands on. One marked node is enough to hold the level.

use std::time::Duration;

use raft::command::catalog::{CatalogAnswer, CatalogOp, CatalogRefusal, NodeRecord};
use raft::level::{Level, NodeVersion};

use crate::errands::Errands;
use crate::router::RouteError;

/// How long the catalog may take to be up to date.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rounds through the nodes. A node that registers at the same time may come back with the mark of
/// before.
const ROUNDS_MAX: usize = 5;

/// Why the level is not held, or not released.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The catalog has no leader, or changed too often.
    #[error("the catalog cannot be reached: {0}")]
    Unavailable(#[from] RouteError),
    /// The catalog refused a node's record.
    #[error("the catalog refused the mark of a node: {0:?}")]
    Refused(CatalogRefusal),
    /// No node can carry the mark.
    #[error("no node knows levels yet: upgrade one node first, and hold the level then")]
    NoLevels,
    /// Nodes registered again and again meanwhile.
    #[error("nodes registered at the same time: try again")]
    Restless,
}

/// A node's record with the mark, or without it. A node of level 0 cannot be marked, and need not be.
pub fn marked(record: &NodeRecord, held: bool) -> NodeRecord {
    let mut version: NodeVersion = record.node_version();
    version.held = held && version.level > Level::ZERO;
    let mut record = record.clone();
    record.version = version.to_string();
    record
}

/// Marks all nodes, or none any more. Returns when the catalog has it.
///
/// # Errors
/// See [`HoldError`].
pub async fn set(errands: &Errands, held: bool) -> Result<(), HoldError> {
    let catalog = &errands.catalog;
    for _ in 0..ROUNDS_MAX {
        let caught_up = catalog.catch_up(PATIENCE).await;
        caught_up.map_err(|_| RouteError::Unavailable(raft::types::GroupId::CATALOG))?;
        let nodes = catalog.nodes();
        if held && nodes.iter().all(|node| node.level() == Level::ZERO) {
            return Err(HoldError::NoLevels);
        }
        let changes: Vec<NodeRecord> = nodes
            .iter()
            .map(|node| marked(node, held))
            .filter(|node| !nodes.contains(node))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        for change in changes {
            let answer = errands.catalog(CatalogOp::RegisterNode(change)).await?;
            if let CatalogAnswer::Refused(refusal) = answer {
                return Err(HoldError::Refused(refusal));
            }
        }
    }
    Err(HoldError::Restless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_that_know_levels_are_marked() {
        let node = |version: &str| NodeRecord {
            version: version.to_owned(),
            ..NodeRecord::default()
        };
        let version = |record: NodeRecord| record.version;
        assert_eq!(version(marked(&node("0.1.0"), true)), "0.1.0");
        assert_eq!(
            version(marked(&node("0.1.0+level.1"), true)),
            "0.1.0+level.1.held"
        );
        assert_eq!(
            version(marked(&node("0.1.0+level.1.held"), false)),
            "0.1.0+level.1"
        );
    }
}
