//! A file in the making. It gets its name only when it is whole, durable and read back.

use std::path::PathBuf;

use bytes::Bytes;

use super::flaw::Flaw;
use super::format::{Commit, FileId, Record};
use super::index::{Index, Slot};
use super::read::{Committed, Rows, Source};
use super::tail::Tail;
use super::{Place, names};
use crate::machine::Row;
use crate::store::StoreError;
use crate::store::letters::files::unreadable;
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
        let file = file
            .map_err(|error| StoreError::of_write(&format!("{} cannot be made", path.display()), &error))?;
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

    /// Adds rows, encoding them.
    pub(super) fn put_all(&mut self, place: &Place, rows: Vec<Row>) -> Result<(), StoreError> {
        for Row { key, value } in rows {
            self.put(place, &key, &value.try_encode().map_err(unreadable)?)?;
        }
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

    /// Hands everything to the operating system, so that a lack of space is known now.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.tail.flush()
    }

    /// Closes the file, durably, reads it back, and lets it be this generation.
    pub(super) fn finish(
        mut self,
        place: &Place,
        generation: u64,
        header: &Bytes,
    ) -> Result<Open, StoreError> {
        if let Err(error) = self.close(generation, header) {
            return Err(self.given_up(place, error));
        }
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

    fn close(&mut self, generation: u64, header: &Bytes) -> Result<(), StoreError> {
        self.tail.append(&Record::Commit(Commit {
            generation,
            number: 1,
            rows: self.index.rows(),
            digest: self.index.digest(),
            header,
        }))?;
        self.tail.sync()
    }

    /// Lets go of it because of an error, so that it takes no space; the error that is to be told.
    pub(super) fn given_up(self, place: &Place, error: StoreError) -> StoreError {
        match self.abandon(place) {
            Ok(()) => error,
            Err(worse) => worse,
        }
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
