//! Replicas that have applied the same entries have the same state (README: equal to the last byte of
//! their rows), and apply each entry once, in order.

use std::collections::BTreeMap;

use raft::types::{GroupId, NodeId};

use crate::watch::{Property, Step};

#[derive(Default)]
pub(super) struct EqualStates {
    digests: BTreeMap<(GroupId, u64), (u64, NodeId)>,
    /// By replica: how many entries it has applied.
    applied: BTreeMap<(NodeId, GroupId), u64>,
}

impl Property for EqualStates {
    fn see(&mut self, node: NodeId, group: GroupId, step: &Step) -> Result<(), String> {
        match step {
            Step::Opened(kept) => {
                self.applied.insert((node, group), kept.applied);
                Ok(())
            }
            Step::Installed { applied, digest } => {
                self.applied.insert((node, group), *applied);
                self.compare(node, group, *applied, *digest)
            }
            Step::Applied { entry, digest } => {
                let before = self.applied.insert((node, group), entry.index.0 + 1);
                if before != Some(entry.index.0) {
                    return Err(format!(
                        "node {node} applies {} in {group} after {before:?} entries",
                        entry.index
                    ));
                }
                digest.map_or(Ok(()), |digest| {
                    self.compare(node, group, entry.index.0 + 1, digest)
                })
            }
            _ => Ok(()),
        }
    }
}

impl EqualStates {
    fn compare(&mut self, node: NodeId, group: GroupId, applied: u64, digest: u64) -> Result<(), String> {
        let (first, whose) = *self.digests.entry((group, applied)).or_insert((digest, node));
        if first == digest {
            return Ok(());
        }
        Err(format!(
            "the states of {group} on nodes {whose} and {node} differ after {applied} entries"
        ))
    }
}

#[cfg(test)]
mod tests {
    use raft::types::LogIndex;
    use raft::witness::{EntryMark, Kept};

    use super::*;

    fn applied(index: u64, digest: u64) -> Step {
        let entry = EntryMark {
            index: LogIndex(index),
            term: 1,
            checksum: 0,
        };
        Step::Applied {
            entry,
            digest: Some(digest),
        }
    }

    fn opened(applied: u64) -> Step {
        let (end, term) = (applied, 1);
        Step::Opened(Kept { applied, end, term })
    }

    #[test]
    fn another_state_is_noticed() {
        let mut property = EqualStates::default();
        let mut see = |node, step| property.see(NodeId(node), GroupId(1), &step).is_ok();
        for node in [1, 2] {
            assert!(see(node, opened(7)));
        }
        assert!(see(1, applied(7, 5)) && !see(2, applied(7, 6)));
        assert!(!see(
            3,
            Step::Installed {
                applied: 8,
                digest: 6
            }
        ));
    }

    #[test]
    fn an_entry_applied_twice_or_left_out_is_noticed() {
        let mut property = EqualStates::default();
        let mut see = |step| property.see(NodeId(1), GroupId(1), &step).is_ok();
        assert!(see(opened(7)) && see(applied(7, 5)));
        assert!(!see(applied(7, 5)) && !see(applied(9, 5)));
    }
}
