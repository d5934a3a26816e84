//! State machine safety: no two replicas apply different entries at the same index; and leader
//! completeness: what one has applied, no later leader's log lacks (Raft, figure 3).

use std::collections::BTreeMap;

use raft::types::{GroupId, LogIndex, NodeId};
use raft::witness::EntryMark;

use crate::watch::{Property, Step};

#[derive(Default)]
pub(super) struct Committed {
    entries: BTreeMap<(GroupId, LogIndex), EntryMark>,
    /// By group: the highest applied index, and the highest term of which an entry was seen.
    tips: BTreeMap<GroupId, (LogIndex, u64)>,
}

impl Property for Committed {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        match step {
            Step::Applied { entry, .. } => {
                let first = *self.entries.entry((group, entry.index)).or_insert(*entry);
                let tip = self.tips.entry(group).or_default();
                tip.0 = tip.0.max(entry.index);
                if first == *entry {
                    return Ok(());
                }
                Err(format!(
                    "node {node} applies {entry:?} in {group}, another one has applied {first:?}"
                ))
            }
            Step::Appended(entries) => entries.iter().try_for_each(|entry| self.begins(group, *entry)),
            _ => Ok(()),
        }
    }
}

impl Committed {
    /// The first entry that is ever seen of a term was made by its leader, on top of its log.
    fn begins(&mut self, group: GroupId, entry: EntryMark) -> Result<(), String> {
        let tip = self.tips.entry(group).or_default();
        if entry.term <= tip.1 {
            return Ok(());
        }
        tip.1 = entry.term;
        if entry.index <= tip.0 {
            let applied = tip.0;
            return Err(format!(
                "the leader of term {} of {group} begins at {}, but {applied} was applied",
                entry.term, entry.index
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(index: u64, term: u64, checksum: u32) -> EntryMark {
        EntryMark {
            index: LogIndex(index),
            term,
            checksum,
        }
    }

    #[test]
    fn another_entry_at_an_applied_index_is_noticed() {
        let mut property = Committed::default();
        let mut applies = |node, entry| {
            let step = Step::Applied { entry, digest: None };
            property.see(NodeId(node), GroupId(1), &step).is_ok()
        };
        assert!(applies(1, mark(5, 1, 9)) && applies(2, mark(5, 1, 9)));
        assert!(!applies(3, mark(5, 2, 9)));
    }

    #[test]
    fn a_leader_without_an_applied_entry_is_noticed() {
        let mut property = Committed::default();
        let applied = Step::Applied {
            entry: mark(5, 1, 9),
            digest: None,
        };
        property.see(NodeId(1), GroupId(1), &applied).unwrap();
        let appended = |index, term| Step::Appended(vec![mark(index, term, 1)]);
        assert!(property.see(NodeId(2), GroupId(1), &appended(6, 2)).is_ok());
        assert!(property.see(NodeId(3), GroupId(1), &appended(5, 3)).is_err());
    }
}
