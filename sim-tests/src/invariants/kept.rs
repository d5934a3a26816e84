//! What a node has promised it still has after a restart, whatever it restarted from (Raft, figure 2:
//! `currentTerm`, `votedFor` and `log[]` are persistent; README: nothing is acknowledged before it is on
//! disk).
//!
//! Others can make up for one node that forgets, so that this may take long to be seen by clients.

use std::collections::BTreeMap;

use raft::types::{GroupId, NodeId};

use crate::watch::{Property, Step};

/// By replica: the end of what its log has called durable, and the term of its last vote.
#[derive(Default)]
pub(super) struct Kept(BTreeMap<(NodeId, GroupId), (u64, u64)>);

impl Property for Kept {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        let (end, term) = self.0.entry((node, group)).or_default();
        match step {
            // Its promises were others' to keep by then.
            Step::Left => (*end, *term) = (0, 0),
            Step::Voted { term: voted, .. } => *term = (*term).max(*voted),
            Step::Durable(last) => *end = (*end).max(last.0 + 1),
            Step::Truncated(last) => *end = (*end).min(last.map_or(0, |last| last.0 + 1)),
            Step::Opened(kept) if kept.end.max(kept.applied) < *end => {
                return Err(format!(
                    "node {node} opens {group} with a log of {} entries, {end} were durable",
                    kept.end
                ));
            }
            Step::Opened(kept) if kept.term < *term => {
                return Err(format!(
                    "node {node} opens {group} with a vote in term {}, it had voted in term {term}",
                    kept.term
                ));
            }
            // The node takes part with what it has found: others count on it from now on.
            Step::Opened(kept) => {
                *end = (*end).max(kept.end);
                *term = (*term).max(kept.term);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft::types::LogIndex;
    use raft::witness;

    use super::*;

    fn opens(before: &[Step], applied: u64, end: u64, term: u64) -> bool {
        let mut property = Kept::default();
        let mut see = |step: &Step| property.see(NodeId(1), GroupId(1), step).is_ok();
        assert!(before.iter().all(&mut see));
        see(&Step::Opened(witness::Kept { applied, end, term }))
    }

    #[test]
    fn durable_entries_and_votes_stay() {
        let durable = [Step::Durable(LogIndex(8))];
        assert!(opens(&durable, 0, 9, 0));
        assert!(!opens(&durable, 0, 8, 0));
        let voted = [Step::Voted {
            term: 3,
            candidate: NodeId(2),
            leads: false,
        }];
        assert!(opens(&voted, 0, 0, 3));
        assert!(!opens(&voted, 0, 0, 2));
    }

    #[test]
    fn what_was_found_stays() {
        let found = witness::Kept {
            applied: 0,
            end: 9,
            term: 3,
        };
        assert!(opens(&[Step::Opened(found)], 0, 9, 3));
        assert!(!opens(&[Step::Opened(found)], 0, 8, 3));
        assert!(!opens(&[Step::Opened(found)], 0, 9, 2));
    }

    #[test]
    fn what_was_cut_off_may_be_gone() {
        let steps = [Step::Durable(LogIndex(8)), Step::Truncated(Some(LogIndex(4)))];
        assert!(opens(&steps, 0, 5, 0));
        assert!(!opens(&steps, 0, 4, 0));
    }
}
