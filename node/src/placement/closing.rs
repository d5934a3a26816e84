//! Tells the catalog that replicas of deleted groups are closed here for ever: see `raft/src/machine/catalog/closings.rs`.

use raft::command::catalog::CatalogOp;
use raft::command::cluster::CloseReplicas;
use raft::types::GroupId;
use tokio::task::JoinHandle;

use super::Placement;
use crate::errands::Errands;

/// Groups in one report.
const GROUPS_MAX: usize = 1_000;

/// The reports of this node, one at a time.
pub(super) struct Reports {
    errands: Errands,
    under_way: Option<JoinHandle<()>>,
    /// Whether there was something to report at the last look.
    has_more: bool,
}

impl Reports {
    pub(super) fn new(errands: Errands) -> Reports {
        Reports {
            errands,
            under_way: None,
            has_more: false,
        }
    }

    /// Whether something is left to report. Reports may be lost: whether one arrived is seen in the catalog.
    pub(super) fn is_late(&self) -> bool {
        self.has_more
    }

    fn is_busy(&self) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|report| !report.is_finished())
    }

    fn send(&mut self, node_id: u64, groups: Vec<u64>) {
        let errands = self.errands.clone();
        self.under_way = Some(tokio::spawn(async move {
            let report = CloseReplicas { node_id, groups };
            if let Err(error) = errands.catalog(CatalogOp::CloseReplicas(report)).await {
                tracing::debug!(%error, "the catalog was not told that replicas are closed");
            }
        }));
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        if let Some(report) = &self.under_way {
            report.abort();
        }
    }
}

impl Placement {
    /// Reports which replicas of deleted groups are closed. A group that has none here, open,
    /// quarantined, on disk or being opened, never gets one again: its number is not reused, and the
    /// catalog here knows already that it was deleted.
    pub(super) fn report_closed(&mut self) {
        let me = self.groups.me().0;
        let waiting: Vec<u64> = self.catalog.read(|c| c.to_close(me).take(GROUPS_MAX).collect());
        self.reports.has_more = !waiting.is_empty();
        if self.reports.is_busy() {
            return;
        }
        let is_closed = |group: &u64| {
            let id = GroupId(*group);
            let is_here = self.groups.get(id).is_some() || self.groups.quarantine_of(id).is_some();
            !is_here && !self.left.contains(&id) && !self.is_under_way(id)
        };
        let closed: Vec<u64> = waiting.into_iter().filter(is_closed).collect();
        if !closed.is_empty() {
            self.reports.send(me, closed);
        }
    }
}
