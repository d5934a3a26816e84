//! When nodes were last heard of. The catalog has a replica everywhere, so that its leader hears of all.

use std::collections::BTreeMap;
use std::time::Duration;

use raft::types::NodeId;
use tokio::time::Instant;

use crate::catalog::CatalogView;

/// Who was heard of within this time is there. Heartbeats come many times as often.
pub(super) const THERE: Duration = Duration::from_secs(5);

/// When each node was last heard of, as long as this node leads the catalog: of whom it has not heard yet, it has since it began to.
#[derive(Default)]
pub struct Heard(BTreeMap<NodeId, Instant>);

impl Heard {
    /// Looks at who has answered the leader of the catalog.
    pub fn look(&mut self, catalog: &CatalogView) {
        let now = Instant::now();
        for (node, ago) in catalog.group().heard() {
            let last = ago.and_then(|ago| now.checked_sub(ago));
            let known = self.0.entry(node).or_insert(now);
            *known = last.unwrap_or(*known).max(*known);
        }
    }

    /// Whether a node has not been heard of for so long.
    pub fn is_dead(&self, node: NodeId, after: Duration) -> bool {
        self.0.get(&node).is_some_and(|last| last.elapsed() >= after)
    }

    /// Whether a node was heard of a moment ago.
    pub fn is_there(&self, node: NodeId) -> bool {
        self.0.get(&node).is_some_and(|last| last.elapsed() < THERE)
    }
}
