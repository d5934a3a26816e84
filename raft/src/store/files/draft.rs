//! A file in the making. It gets its name only when it is whole, durable and read back.

use std::path::PathBuf;

use bytes::Bytes;

use super::flaw::Flaw;
use super::format::{Commit, FileId, Record};
use super::index::{Index, Slot};
use super::read::{Committed, Rows, Source};
use super::tail::Tail;
use super::{Place, names};
use crate::store::StoreError;
use crate::types::GroupId;

/// A file in the making.
pub(super) struct Draft {
    group: GroupId,
    path: PathBuf,
    tail: Tail,
    index: Index,
}

/// A file that is open for more.
pub(super) struct Open {
    pub(super) tail: Tail,
    pub(super) index: Index,
    pub(super) commit: Committed,
    /// Whether what follows the last commit has to be removed before anything is appended.
    pub(super) is_torn: bool,
}

impl Draft {
    pub(super) fn begin(place: &Place, group: GroupId) -> Result<Draft, StoreError> {
        let id = place.random.next_u64();
        let path = names::part(&place.folder, group, id);
        let file = place.disk.open(&path, true);
        let file = file.map_err(|error| place.failed("cannot be made", &path, &error))?;
        Ok(Draft {
            group,
            path,
            tail: Tail::begin(file, FileId { group, id }),
            index: Index::default(),
        })
    }

    pub(super) fn put(&mut self, place: &Place, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let position = self.tail.append(&Record::Put { key, value })?;
        let slot = Slot::of(key, value, position);
        self.index.change(place.fingerprints.of(key), Some(slot));
        Ok(())
    }

    pub(super) fn delete(&mut self, place: &Place, key: &[u8]) -> Result<(), StoreError> {
        self.tail.append(&Record::Delete { key })?;
        self.index.change(place.fingerprints.of(key), None);
        Ok(())
    }

    /// The rows so far.
    pub(super) fn rows(&mut self, place: &Place) -> Result<Rows, Flaw> {
        self.tail.flush()?;
        let end = self.tail.end();
        self.source(place).read_draft(end)
    }

    /// Closes the file, durably, reads it back, and lets it be this generation.
    pub(super) fn finish(
        mut self,
        place: &Place,
        generation: u64,
        header: &Bytes,
    ) -> Result<Open, StoreError> {
        let commit = Commit {
            generation,
            number: 1,
            rows: self.index.rows(),
            digest: self.index.digest(),
            header,
        };
        self.tail.append(&Record::Commit(commit))?;
        self.tail.sync()?;
        let read = self.source(place).read(None);
        let found = read.map_err(|flaw| match flaw {
            Flaw::Refused(error) => error,
            Flaw::Damaged(reason) => StoreError::Failed(format!("what was just written: {reason}")),
        })?;
        let path = names::rows(&place.folder, self.group, generation);
        let renamed = place.disk.rename(&self.path, &path);
        let synced = renamed.and_then(|()| place.disk.sync_dir(&place.folder));
        synced.map_err(|error| place.failed("cannot be renamed", &path, &error))?;
        Ok(Open {
            tail: found.tail,
            index: found.index,
            commit: found.commit,
            is_torn: false,
        })
    }

    /// Lets go of it.
    pub(super) fn abandon(self, place: &Place) -> Result<(), StoreError> {
        place.remove(&self.path)
    }

    fn source<'a>(&'a self, place: &'a Place) -> Source<'a> {
        Source {
            path: &self.path,
            file: self.tail.file().clone(),
            group: self.group,
            fingerprints: &place.fingerprints,
        }
    }
}
