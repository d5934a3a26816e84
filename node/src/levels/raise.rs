//! Raises the cluster's level, on the node that leads the catalog.

use raft::command::catalog::{CatalogAnswer, CatalogOp};
use raft::command::cluster::RaiseLevel;
use raft::level::Level;
use raft::planted::{Bug, planted};

use crate::catalog::CatalogView;
use crate::errands::Errands;

/// Proposes the level that all nodes know, if it is higher than the cluster's.
pub(super) async fn step(errands: &Errands) {
    let Some(to) = due(&errands.catalog) else {
        return;
    };
    match errands
        .catalog(CatalogOp::RaiseLevel(RaiseLevel { to: to.0 }))
        .await
    {
        Ok(CatalogAnswer::Done(_)) => tracing::info!(level = %to, "the cluster's level has risen"),
        Ok(answer) => tracing::info!(level = %to, ?answer, "the cluster's level cannot rise yet"),
        Err(error) => tracing::debug!(level = %to, %error, "the catalog was not asked for a higher level"),
    }
}

fn due(catalog: &CatalogView) -> Option<Level> {
    if !catalog.group().leads_with_lease() {
        return None;
    }
    if planted(Bug::LevelTooEarly) {
        return (catalog.read(|c| c.level()) < Level::LATEST).then_some(Level::LATEST);
    }
    let (voters, learners) = catalog.group().members();
    catalog.read(|c| {
        // A founder votes before it has registered: of what it knows, nothing is known yet.
        let are_registered = voters.union(&learners).all(|node| c.node(*node).is_some());
        let (known, held) = c.level_of_nodes();
        (are_registered && held.is_empty() && known > c.level()).then_some(known)
    })
}
