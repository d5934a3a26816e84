//! When nodes were last heard of. The catalog has a replica everywhere, so that its leader hears of
//! all.

use std::collections::BTreeMap;
use std::time::Duration;

use raft::types::NodeId;
use tokio::time::Instant;

use crate::catalog::CatalogView;

/// Who was heard of within this time is there. Heartbeats come many times as often.
pub(super) const THERE: Duration = Duration::from_secs(5);

/// When each node was last heard of by the leader of the catalog.
#[derive(Default)]
pub struct Heard(BTreeMap<NodeId, Times>);

/// What is known of one node.
#[derive(Clone, Copy)]
struct Times {
    /// When this node began to lead the catalog and to listen.
    since: Instant,
    /// When it was heard of, if it ever was.
    last: Option<Instant>,
}

impl Heard {
    /// Looks at who has answered the leader of the catalog.
    pub fn look(&mut self, catalog: &CatalogView) {
        self.note(Instant::now(), catalog.group().heard());
    }

    /// `answers` says how long ago each node answered, if it did.
    fn note(&mut self, now: Instant, answers: impl IntoIterator<Item = (NodeId, Option<Duration>)>) {
        for (node, ago) in answers {
            let last = ago.and_then(|ago| now.checked_sub(ago));
            let known = self.0.entry(node).or_insert(Times {
                since: now,
                last: None,
            });
            known.last = known.last.max(last);
        }
    }

    /// Whether a node has not been heard of for so long. One that never was may have been until a
    /// new leader began to listen.
    pub fn is_dead(&self, node: NodeId, after: Duration) -> bool {
        let known = self.0.get(&node);
        known.is_some_and(|known| known.last.unwrap_or(known.since).elapsed() >= after)
    }

    /// Whether a node was heard of a moment ago. A leader that has just been elected gives nothing
    /// to nodes that it never heard of: its predecessor may have found them dead.
    pub fn is_there(&self, node: NodeId) -> bool {
        let last = self.0.get(&node).and_then(|known| known.last);
        last.is_some_and(|last| last.elapsed() < THERE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(4);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_new_leader_takes_nobody_for_dead_at_once_and_nobody_for_there_before_it_answered() {
        let mut heard = Heard::default();
        let look = |heard: &mut Heard, ago| heard.note(Instant::now(), [(NODE, ago)]);
        look(&mut heard, None);
        assert!(!heard.is_there(NODE) && !heard.is_dead(NODE, LONG));
        tokio::time::advance(LONG).await;
        look(&mut heard, None);
        assert!(!heard.is_there(NODE) && heard.is_dead(NODE, LONG));

        look(&mut heard, Some(Duration::from_secs(1)));
        assert!(heard.is_there(NODE) && !heard.is_dead(NODE, LONG));
        tokio::time::advance(THERE).await;
        // openraft forgets at a new election; what was heard before stays known.
        look(&mut heard, None);
        assert!(!heard.is_there(NODE) && !heard.is_dead(NODE, LONG));
        tokio::time::advance(LONG).await;
        assert!(heard.is_dead(NODE, LONG));
    }
}
