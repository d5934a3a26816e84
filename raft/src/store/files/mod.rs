//! Checkpoints in files of their own, over [`Disk`]: what production and simulation run alike.
//!
//! A group has one file that counts. A delta is appended to it, closed by a commit record, and
//! synced once. A whole state goes into a new file, the next *generation*; so does what is left of
//! a file that has more dead bytes than live ones. The new file gets its name when it is complete,
//! durable and read back. Only then does the one before it go: nothing is deleted before its
//! replacement is durable.
//!
//! Each commit says how many rows there are and their digest. So whoever reads a file notices a
//! damaged row, and one that is missing or older than it should be, too. A file that is not what
//! was written is *put aside*: renamed, and kept until another state of the group is durable. A
//! file of a version that this build cannot read is refused and not touched. A fault of the disk
//! while reading is neither.
//!
//! Memory: about 40 bytes for each row of the groups that were written or loaded last (`index.rs`,
//! `warm.rs`), and a hundred for any other group. What follows the last commit of a file was never
//! acknowledged, and is cut.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use self::groups::Groups;
use self::index::Fingerprints;
use super::{Checkpoint, PutAside, Store, StoreError};
use crate::env::{Disk, Random};
use crate::machine::Delta;
use crate::types::GroupId;

mod aside;
mod compact;
pub(crate) mod digest;
mod draft;
mod flaw;
mod format;
mod groups;
mod index;
mod names;
mod read;
mod records;
mod stage;
mod tail;
mod warm;
mod write;

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct FileStoreOptions {
    /// A file with fewer bytes of records is not written anew, whatever they are.
    pub compact_bytes_min: u64,
    /// Rows whose places are kept in memory, over all groups, beside those of the group that is
    /// written.
    pub warm_rows_max: u64,
    /// Files that are kept open.
    pub warm_groups_max: usize,
}

impl Default for FileStoreOptions {
    fn default() -> FileStoreOptions {
        FileStoreOptions {
            compact_bytes_min: 128 << 10,
            warm_rows_max: 1 << 20,
            warm_groups_max: 128,
        }
    }
}

/// Checkpoints in files.
pub struct FileStore {
    place: Place,
    state: Mutex<State>,
    /// What was put aside, by group. A lock of its own: it is read while checkpoints are written.
    aside: Mutex<BTreeMap<GroupId, Vec<PutAside>>>,
}

/// Where files are, and what it takes to make them.
struct Place {
    disk: Arc<dyn Disk>,
    random: Arc<dyn Random>,
    folder: PathBuf,
    options: FileStoreOptions,
    fingerprints: Fingerprints,
}

struct State {
    groups: Groups,
    /// The first failure to write: nothing is written after it.
    failed: Option<String>,
}

impl FileStore {
    /// Opens the checkpoints in a folder, making it if need be. Reads no file. Removes what another
    /// life left in the making.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        folder: &Path,
        options: FileStoreOptions,
    ) -> Result<FileStore, StoreError> {
        let place = Place {
            disk,
            random,
            folder: folder.to_owned(),
            options,
            fingerprints: Fingerprints::default(),
        };
        let (groups, aside) = place.open().map_err(|error| StoreError::Open {
            path: folder.to_owned(),
            reason: error.to_string(),
        })?;
        let failed = None;
        Ok(FileStore {
            place,
            state: Mutex::new(State { groups, failed }),
            aside: Mutex::new(aside),
        })
    }

    /// Runs `body`, which changes files, unless that has failed before: after a failed write or
    /// sync nobody knows what is on the disk.
    fn change<T>(&self, body: impl FnOnce(&mut Groups) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.failed {
            return Err(StoreError::Failed(reason.clone()));
        }
        let outcome = body(&mut state.groups);
        if let Err(StoreError::Failed(reason)) = &outcome {
            tracing::error!(%reason, "the checkpoint store has failed");
            state.failed = Some(reason.clone());
        }
        outcome
    }
}

impl Place {
    /// What is in the folder.
    #[allow(clippy::type_complexity)]
    fn open(&self) -> io::Result<(Groups, BTreeMap<GroupId, Vec<PutAside>>)> {
        self.disk.create_dir_all(&self.folder)?;
        if let Some(parent) = self.folder.parent() {
            self.disk.sync_dir(parent)?;
        }
        let (mut groups, mut aside) = (Groups::default(), BTreeMap::<_, Vec<_>>::new());
        for path in self.disk.list(&self.folder)? {
            match names::read(&path) {
                Some(names::Name::Rows(group, generation)) => groups.add(group, generation),
                Some(names::Name::Damaged(group, generation)) => {
                    groups.set_aside(group, generation);
                    let found = PutAside::found(group, generation, path);
                    aside.entry(group).or_default().push(found);
                }
                Some(names::Name::Part) => self.disk.remove_file(&path)?,
                None => {}
            }
        }
        Ok((groups, aside))
    }

    fn failed(&self, what: &str, path: &Path, error: &io::Error) -> StoreError {
        StoreError::Failed(format!("{} {what}: {error}", path.display()))
    }

    /// Removes a file; one that is not there is no error.
    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.disk.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("cannot be removed", path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Makes removals and new names durable.
    fn sync(&self) -> Result<(), StoreError> {
        let synced = self.disk.sync_dir(&self.folder);
        synced.map_err(|error| self.failed("cannot be synced", &self.folder, &error))
    }
}

impl Store for FileStore {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        self.load_newest(group)
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        match delta.clear {
            true => self.write_whole(group, &header, delta.puts),
            false => self.write_delta(group, header, delta),
        }
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        self.add_to_draft(group, part)
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.read_draft(group)
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        self.finish_draft(group, &header)
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.change(|groups| match groups.of(group).draft.take() {
            Some(draft) => draft.abandon(&self.place),
            None => Ok(()),
        })
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.remove_all(group)
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        Ok(self.state.lock().groups.with_checkpoint())
    }

    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.put_newest_aside(group, reason)
    }

    fn proven(&self, group: GroupId) -> Result<(), StoreError> {
        self.remove_replaced(group)
    }

    fn aside(&self) -> Vec<PutAside> {
        self.aside.lock().values().flatten().cloned().collect()
    }
}
