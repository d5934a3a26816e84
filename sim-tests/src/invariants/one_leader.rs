//! Election safety: a term of a group has at most one leader (Raft, figure 3).

use std::collections::BTreeMap;

use raft::types::{GroupId, NodeId};

use crate::watch::{Property, Step};

#[derive(Default)]
pub(super) struct OneLeader(BTreeMap<(GroupId, u64), NodeId>);

impl Property for OneLeader {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        let Step::Voted {
            term,
            candidate,
            leads: true,
        } = step
        else {
            return Ok(());
        };
        let first = *self.0.entry((group, *term)).or_insert(*candidate);
        if first == *candidate {
            return Ok(());
        }
        Err(format!(
            "node {node} takes {candidate} for the leader of {group} in term {term}, which {first} was"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_leader_is_noticed() {
        let mut property = OneLeader::default();
        let mut leads = |term, candidate| {
            let step = Step::Voted {
                term,
                candidate: NodeId(candidate),
                leads: true,
            };
            property.see(NodeId(3), GroupId(1), &step).is_ok()
        };
        assert!(leads(1, 1) && leads(1, 1) && leads(2, 2));
        assert!(!leads(1, 2));
    }
}
