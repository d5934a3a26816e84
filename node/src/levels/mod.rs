//! Levels in a running cluster: see `raft/src/level.rs` for what they are.
//!
//! A node registers with the level that it knows. The catalog's leader raises the cluster's level
//! as soon as every node knows a higher one and none is held ([`raise`]). The leader of each group
//! then raises its group's level ([`spread`]), within a second in groups that have nothing to do
//! and with the next batch in others (`placement/opening.rs`).
//!
//! A level never sinks. Until it rises, every node can run its old version again: an operator who
//! wants that choice holds the cluster first ([`hold`]).

use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::NodeRecord;
use raft::groups::Groups;
use raft::level::{Level, NodeVersion};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::errands::Errands;

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

/// Raises levels until `stop`.
///
/// # Errors
/// None: it retries. It is a task of the node, which all return a result.
pub async fn run(errands: Errands, groups: Arc<Groups>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let step = async {
            raise::step(&errands).await;
            spread::step(&errands.catalog, &groups).await;
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
    let known = catalog.read(|c| c.node(raft::types::NodeId(me.node_id)).cloned());
    let wanted = registration(catalog, me);
    known.is_some_and(|known| known == wanted || (known == hold::marked(me, true)))
}
