//! Log matching: two logs that have an entry of the same term at the same index are equal up to it
//! (Raft, figure 3).
//!
//! Seen entry by entry: an entry is the same wherever it is, and so is the one before it.

use std::collections::BTreeMap;

use raft::types::{GroupId, NodeId};
use raft::witness::EntryMark;

use crate::watch::{Property, Step};

type Place = (GroupId, u64, u64);

#[derive(Default)]
pub(super) struct LogMatching {
    /// By group, term and index: the entry's checksum, and the term of the entry before it once known.
    entries: BTreeMap<Place, (u32, Option<u64>)>,
    /// By node and group: the last entry of the log.
    ends: BTreeMap<(NodeId, GroupId), EntryMark>,
}

impl Property for LogMatching {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        match step {
            Step::Appended(entries) => entries
                .iter()
                .try_for_each(|entry| self.append(node, group, *entry)),
            // What the log ends with then, nobody says.
            Step::Truncated(_) | Step::Opened(_) | Step::Left | Step::Installed { .. } => {
                self.ends.remove(&(node, group));
                Ok(())
            }
            Step::Voted { .. } | Step::Durable(_) | Step::Forgotten | Step::Applied { .. } => Ok(()),
        }
    }
}

impl LogMatching {
    fn append(&mut self, node: NodeId, group: GroupId, entry: EntryMark) -> Result<(), String> {
        let before = self.ends.insert((node, group), entry);
        let before = before
            .filter(|before| before.index.0 + 1 == entry.index.0)
            .map(|before| before.term);
        let at = format!("entry {} of term {} of {group}", entry.index, entry.term);
        if before.is_some_and(|before| before > entry.term) {
            return Err(format!("on node {node}, {at} follows one of a later term"));
        }
        let known = self
            .entries
            .entry((group, entry.term, entry.index.0))
            .or_insert((entry.checksum, before));
        if known.0 != entry.checksum {
            return Err(format!("on node {node}, {at} differs from what another log has"));
        }
        match (known.1, before) {
            (Some(one), Some(other)) if one != other => Err(format!(
                "on node {node}, {at} follows an entry of term {other}, elsewhere of term {one}"
            )),
            (None, Some(_)) => {
                known.1 = before;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::types::LogIndex;

    use super::*;

    fn appends(property: &mut LogMatching, node: u64, entries: &[(u64, u64, u32)]) -> bool {
        let marks = entries.iter().map(|(index, term, checksum)| EntryMark {
            index: LogIndex(*index),
            term: *term,
            checksum: *checksum,
        });
        property
            .see(NodeId(node), GroupId(1), &Step::Appended(marks.collect()))
            .is_ok()
    }

    #[test]
    fn logs_that_do_not_match_are_noticed() {
        let mut property = LogMatching::default();
        assert!(appends(&mut property, 1, &[(1, 1, 10), (2, 1, 20), (3, 3, 30)]));
        assert!(appends(&mut property, 2, &[(1, 1, 10), (2, 2, 99)]));
        assert!(!appends(&mut property, 3, &[(1, 1, 11)]), "another content");
        assert!(
            !appends(&mut property, 2, &[(3, 3, 30)]),
            "another entry before it"
        );
        assert!(!appends(&mut property, 1, &[(4, 2, 40)]), "terms never fall");
    }
}
