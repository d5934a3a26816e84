//! A checkpoint that was put aside.

use std::path::PathBuf;

use crate::types::GroupId;

/// A checkpoint that is not what was written. It is kept until another state of its group is
/// durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutAside {
    /// Whose it is.
    pub group: GroupId,
    /// Counts the files of the group.
    pub generation: u64,
    /// Where it is now; empty if it is in no file.
    pub path: PathBuf,
    /// What is wrong with it; empty if that was found by an earlier life of the node.
    pub reason: String,
}

impl PutAside {
    /// One whose reason is not known any more.
    pub(super) fn found(group: GroupId, generation: u64, path: PathBuf) -> PutAside {
        PutAside {
            group,
            generation,
            path,
            reason: String::new(),
        }
    }
}
