//! A node votes for one candidate in a term, also across restarts (Raft, section 5.2: `votedFor` is
//! persistent state).

use std::collections::BTreeMap;

use raft::types::{GroupId, NodeId};

use crate::watch::{Property, Step};

#[derive(Default)]
pub(super) struct OneVote(BTreeMap<(NodeId, GroupId), (u64, NodeId)>);

impl Property for OneVote {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        let (term, candidate, leads) = match step {
            Step::Voted {
                term,
                candidate,
                leads,
            } => (term, candidate, leads),
            // Whoever wins after that has a majority without this node's earlier votes (raft/src/group/birth.rs).
            Step::Left => {
                self.0.remove(&(node, group));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let (last_term, last) = *self.0.entry((node, group)).or_insert((*term, *candidate));
        if *term < last_term {
            return Err(format!(
                "node {node} votes in term {term} of {group} after term {last_term}"
            ));
        }
        // Whoever a majority has chosen is followed, whatever one's own vote was.
        if *term == last_term && *candidate != last && !leads {
            return Err(format!(
                "node {node} votes for {last} and {candidate} in term {term} of {group}"
            ));
        }
        self.0.insert((node, group), (*term, *candidate));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_vote_and_a_step_back_are_noticed() {
        let mut property = OneVote::default();
        let mut votes = |term, candidate, leads| {
            let step = Step::Voted {
                term,
                candidate: NodeId(candidate),
                leads,
            };
            property.see(NodeId(3), GroupId(1), &step).is_ok()
        };
        assert!(votes(1, 1, false) && votes(1, 2, true) && votes(2, 2, false));
        assert!(!votes(2, 1, false));
        assert!(!votes(1, 2, false));
    }
}
