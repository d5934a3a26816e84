//! Reading and writing a group's checkpoint.

use bytes::Bytes;

use super::draft::{Draft, Open};
use super::flaw::Flaw;
use super::format::{Commit, Record};
use super::groups::Groups;
use super::index::Slot;
use super::read::{Rows, Source};
use super::{FileStore, Place, names};
use crate::machine::{Delta, Row};
use crate::store::letters::files::unreadable;
use crate::store::{Checkpoint, StoreError};
use crate::types::GroupId;

impl FileStore {
    /// Reads the newest file of a group that is what was written. Others are put aside.
    pub(super) fn load_newest(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.failed {
            return Err(StoreError::Failed(reason.clone()));
        }
        while let Some(generation) = state.groups.of(group).newest() {
            let mut rows = Rows::new();
            match self.place.read(group, generation, Some(&mut rows)) {
                Ok(open) => {
                    let header = open.commit.header.clone();
                    state.groups.warm.keep(group, open, self.place.options);
                    let rows = rows.into_iter().collect();
                    return Ok(Some(Checkpoint { header, rows }));
                }
                Err(Flaw::Refused(error)) => return Err(error),
                Err(Flaw::Damaged(reason)) => self.aside_locked(&mut state.groups, group, &reason)?,
            }
        }
        Ok(None)
    }

    /// Appends a delta to the newest file.
    pub(super) fn write_delta(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        self.change(|groups| {
            let Some(mut open) = self.opened(groups, group)? else {
                return Err(StoreError::NoBase(group));
            };
            let place = &self.place;
            if std::mem::take(&mut open.is_torn) {
                let cut = open.tail.cut();
                cut.map_err(|error| StoreError::of_write("a checkpoint cannot be cut", &error))?;
            }
            for key in &delta.deletes {
                open.tail.append(&Record::Delete { key })?;
                open.index.change(place.fingerprints.of(key), None);
            }
            for Row { key, value } in delta.puts {
                let value = value.try_encode().map_err(unreadable)?;
                let (key, value) = (&*key, &*value);
                let position = open.tail.append(&Record::Put { key, value })?;
                let slot = Slot::of(key, value, position);
                open.index.change(place.fingerprints.of(key), Some(slot));
            }
            open.close(header)?;
            let generation = open.commit.generation;
            match open.is_mostly_dead(place) {
                false => groups.warm.keep(group, open, place.options),
                true => match place.rewrite(group, &open, groups.of(group).next_generation()) {
                    Ok(next) => {
                        self.replaced(groups, group, next)?;
                        tracing::debug!(%group, generation, "a checkpoint file was written anew");
                    }
                    // What was to be written is. The next delta tries again.
                    Err(StoreError::Full(reason)) => {
                        tracing::debug!(%group, reason, "a checkpoint file cannot be written anew yet");
                        groups.warm.keep(group, open, place.options);
                    }
                    Err(error) => return Err(error),
                },
            }
            Ok(())
        })
    }

    /// Writes a whole state beside what is there, and then lets it count.
    pub(super) fn write_whole(
        &self,
        group: GroupId,
        header: &Bytes,
        rows: Vec<Row>,
    ) -> Result<(), StoreError> {
        self.change(|groups| {
            let place = &self.place;
            let mut draft = Draft::begin(place, group)?;
            if let Err(error) = draft.put_all(place, rows) {
                return Err(draft.given_up(place, error));
            }
            let generation = groups.of(group).next_generation();
            let open = draft.finish(place, generation, header)?;
            self.replaced(groups, group, open)
        })
    }

    /// What is known of the newest file, which is read if need be. If it is damaged it is put
    /// aside, and there is none: the caller's delta does not fit what was there before.
    fn opened(&self, groups: &mut Groups, group: GroupId) -> Result<Option<Open>, StoreError> {
        if let Some(open) = groups.warm.take(group) {
            return Ok(Some(open));
        }
        let Some(generation) = groups.of(group).newest() else {
            return Ok(None);
        };
        match self.place.read(group, generation, None) {
            Ok(open) => Ok(Some(open)),
            Err(Flaw::Refused(error)) => Err(error),
            Err(Flaw::Damaged(reason)) => {
                self.aside_locked(groups, group, &reason)?;
                Ok(None)
            }
        }
    }

    /// A new generation is there, durable and read back: it counts from now on, and what it
    /// replaces goes.
    pub(super) fn replaced(&self, groups: &mut Groups, group: GroupId, open: Open) -> Result<(), StoreError> {
        groups.add(group, open.commit.generation);
        groups.warm.keep(group, open, self.place.options);
        self.remove_replaced_locked(groups, group)
    }
}

impl Open {
    /// Makes what was appended count, durably.
    fn close(&mut self, header: Bytes) -> Result<(), StoreError> {
        self.commit.number += 1;
        self.commit.header = header;
        self.tail.append(&Record::Commit(Commit {
            generation: self.commit.generation,
            number: self.commit.number,
            rows: self.index.rows(),
            digest: self.index.digest(),
            header: &self.commit.header,
        }))?;
        self.tail.sync()
    }
}

impl Place {
    /// Reads a file of a group, and its rows if they are wanted.
    fn read(&self, group: GroupId, generation: u64, rows: Option<&mut Rows>) -> Result<Open, Flaw> {
        let path = names::rows(&self.folder, group, generation);
        let file = self.disk.open(&path, false);
        let source = Source {
            file: file.map_err(|error| Flaw::reading(&error, &path))?,
            path: &path,
            group,
            fingerprints: &self.fingerprints,
        };
        let found = source.read(rows)?;
        if found.commit.generation != generation {
            let said = found.commit.generation;
            return Err(Flaw::Damaged(format!("{} is generation {said}", path.display())));
        }
        if found.is_torn {
            tracing::info!(%group, generation, "a write to a checkpoint was cut short and does not count");
        }
        Ok(Open {
            tail: found.tail,
            index: found.index,
            commit: found.commit,
            is_torn: found.is_torn,
        })
    }
}
