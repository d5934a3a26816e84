//! Levels in a running cluster: see `raft/src/level.rs` for what they are.
//!
//! A node registers with the level that it knows. The catalog's leader raises the cluster's level
//! as soon as every node knows a higher one and none is held (`raise`). The leader of each group
//! then raises its group's level (`spread`), within a second in groups that have nothing to do
//! and with the next batch in others (`placement/opening.rs`).
//!
//! A level never sinks. Until it rises, every node can run its old version again: an operator who
//! wants that choice holds the cluster first ([`hold`]).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use raft::command::catalog::NodeRecord;
use raft::groups::Groups;
use raft::level::{Level, NodeVersion};
use raft::peers::Peers;
use raft::types::NodeId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::errands::Errands;
use crate::identity::Identity;

pub mod hold;
mod raise;
mod spread;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The version that a node of this program registers with.
pub fn own_version(level: Level) -> String {
    let version = NodeVersion {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        level,
        held: false,
    };
    version.to_string()
}

/// What raising levels takes.
pub struct Levels {
    /// The catalog, and the way to its leader.
    pub errands: Errands,
    /// The groups of this node.
    pub groups: Arc<Groups>,
    /// The other nodes.
    pub peers: Arc<Peers>,
    /// The file that says what the data folder has.
    pub identity: Arc<Mutex<Identity>>,
}

/// Raises levels until `stop`.
///
/// # Errors
/// If the data folder's level cannot be written.
pub async fn run(levels: Levels, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let level = levels.errands.catalog.read(|c| c.level());
        let kept = levels.identity.lock().raise_level(level);
        kept.context("the level of the data folder cannot be written")?;
        levels.peers.require_level(level);
        let step = async {
            raise::step(&levels.errands).await;
            spread::step(&levels.errands.catalog, &levels.groups).await;
        };
        stop.run_until_cancelled(step).await;
    }
    Ok(())
}

/// How a node is to be registered: as it is, and held if any node is. Otherwise a node that joins
/// or comes back would be the one that lets the level rise.
pub fn registration(catalog: &CatalogView, me: &NodeRecord) -> NodeRecord {
    let (_, held) = catalog.read(|c| c.level_of_nodes());
    match held.is_empty() {
        true => me.clone(),
        false => hold::marked(me, true),
    }
}

/// Whether the catalog knows a node as it is, held or not.
pub fn is_registered(catalog: &CatalogView, me: &NodeRecord) -> bool {
    let known = catalog.read(|c| c.node(NodeId(me.node_id)).cloned());
    let wanted = registration(catalog, me);
    known.is_some_and(|known| known == wanted || (known == hold::marked(me, true)))
}
