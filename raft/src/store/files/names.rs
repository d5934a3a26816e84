//! The names of checkpoint files. All groups' files are in one folder, so that one listing at the
//! start says what there is, and no write lists or makes a folder.
//!
//! | name                          | what it is                                                             |
//! |-------------------------------|------------------------------------------------------------------------|
//! | `<group>-<generation>.rows`   | a checkpoint: whole and durable before it got this name                |
//! | `<group>-<id>.part`           | a file in the making. Left over from another life, it is nobody's      |
//! | `<group>-<generation>.damaged`| a checkpoint that was put aside, because it is not what was written    |

use std::path::{Path, PathBuf};

use crate::types::GroupId;

const ROWS: &str = "rows";
const PART: &str = "part";
const DAMAGED: &str = "damaged";

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Rows(GroupId, u64),
    Part,
    Damaged(GroupId, u64),
}

pub(super) fn rows(folder: &Path, group: GroupId, generation: u64) -> PathBuf {
    folder.join(format!("{}-{generation}.{ROWS}", group.0))
}

pub(super) fn part(folder: &Path, group: GroupId, id: u64) -> PathBuf {
    folder.join(format!("{}-{id:016x}.{PART}", group.0))
}

pub(super) fn damaged(folder: &Path, group: GroupId, generation: u64) -> PathBuf {
    folder.join(format!("{}-{generation}.{DAMAGED}", group.0))
}

/// None if it is no file of checkpoints.
pub(super) fn read(path: &Path) -> Option<Name> {
    let (group, rest) = path.file_name()?.to_str()?.split_once('-')?;
    let (number, ending) = rest.split_once('.')?;
    let group = GroupId(group.parse().ok()?);
    match ending {
        ROWS => Some(Name::Rows(group, number.parse().ok()?)),
        DAMAGED => Some(Name::Damaged(group, number.parse().ok()?)),
        PART => Some(Name::Part),
        _ => None,
    }
}
