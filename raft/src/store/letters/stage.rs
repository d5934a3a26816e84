//! Putting a whole state together in parts: letters go into files as they come, so that a state of any size takes little memory.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{LetterStore, Loaded, files};
use crate::machine::queue::MessageRow;
use crate::machine::{Delta, LoadError, Machine, MachineKind, Row, RowValue, tables};
use crate::store::{Checkpoint, StoreError};
use crate::types::GroupId;

impl LetterStore {
    /// See [`Store::stage`](crate::store::Store::stage). Values are encoded.
    ///
    /// # Errors
    /// As the store's; [`StoreError::Unreadable`] if a value makes no sense.
    pub fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        let known = self.staged.lock().remove(&group);
        let mut shelf = match known {
            _ if part.clear => {
                self.remove_strangers(group)?;
                self.new_shelf(group)?
            }
            Some(shelf) => shelf,
            None => return Err(StoreError::NotStaged(group)),
        };
        let clear = part.clear;
        let part = Delta {
            clear: false,
            deletes: part.deletes,
            puts: part.puts.into_iter().map(as_message).collect::<Result<_, _>>()?,
        };
        let staged = shelf.put_away(part).and_then(|(mut part, _)| {
            part.clear = clear;
            self.rows.stage(group, part)
        });
        if let Err(StoreError::Full(_)) = &staged {
            // All that it has it has made.
            shelf.remove_from(0)?;
            self.unstage(group)?;
        }
        staged?;
        self.staged.lock().insert(group, shelf);
        Ok(())
    }

    /// What was put together becomes the group's checkpoint, with this header, unless it is not the state of a machine.
    ///
    /// # Errors
    /// As the store's; [`StoreError::Unreadable`] if no machine can be made of it.
    pub fn commit(&self, group: GroupId, header: Bytes, kind: MachineKind) -> Result<Machine, StoreError> {
        let rows = self.rows.staged(group)?;
        let checkpoint = Checkpoint {
            header: header.clone(),
            rows,
        };
        let (mut shelf, loaded) = self.new_shelf(group)?.load(checkpoint)?;
        let machine = machine(kind, loaded)?;
        self.rows.commit(group, header)?;
        self.staged.lock().remove(&group);
        self.tidy(group, &mut shelf)?;
        self.shelves.lock().insert(group, shelf);
        Ok(machine)
    }

    /// Lets go of what was put together, if anything was.
    ///
    /// # Errors
    /// As the store's.
    pub fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.staged.lock().remove(&group);
        self.rows.unstage(group)?;
        self.remove_strangers(group)
    }

    /// Removes the files of a state that is not put together any more.
    fn remove_strangers(&self, group: GroupId) -> Result<(), StoreError> {
        if self.has_aside(group) {
            // It is not known which files a checkpoint has that was put aside, or was not loaded.
            return Ok(());
        }
        let shelves = self.shelves.lock();
        match shelves.get(&group) {
            Some(shelf) => shelf.remove_strangers(&BTreeSet::new()),
            None if self.rows.groups()?.contains(&group) => Ok(()),
            None => files::remove_all(&*self.disk, &files::folder(&self.folder, group)),
        }
    }

    /// The machine of a group's checkpoint, with its header. One that no machine can be made of is put aside.
    /// One of another version is refused, and nothing is touched.
    ///
    /// # Errors
    /// As the store's.
    pub fn load_machine(
        &self,
        group: GroupId,
        kind: MachineKind,
    ) -> Result<Option<(Bytes, Machine)>, StoreError> {
        while let Some(loaded) = self.load(group)? {
            let header = loaded.header.clone();
            match machine(kind, loaded) {
                Ok(machine) => {
                    self.proven(group)?;
                    return Ok(Some((header, machine)));
                }
                Err(StoreError::Unreadable(reason)) => self.put_aside(group, &reason)?,
                Err(error) => return Err(of_group(group, error)),
            }
        }
        Ok(None)
    }

    /// The files of a state that is being put together.
    pub(super) fn files_of_staged(&self, group: GroupId) -> BTreeSet<u64> {
        let staged = self.staged.lock();
        let shelf = staged.get(&group);
        shelf.map_or_else(BTreeSet::new, |shelf| shelf.open.keys().copied().collect())
    }
}

/// A machine whose next delta builds on what is stored.
fn machine(kind: MachineKind, loaded: Loaded) -> Result<Machine, StoreError> {
    let machine = Machine::load_with(kind, loaded.rows, loaded.chunks);
    let mut machine = machine.map_err(|error| match error {
        LoadError::TooNew(what) => StoreError::TooNew(what),
        LoadError::TooOld(what) => StoreError::TooOld(what),
        LoadError::Damaged(what) => StoreError::Unreadable(what),
    })?;
    machine.take_delta();
    Ok(machine)
}

/// An error that says whose state it is about.
fn of_group(group: GroupId, error: StoreError) -> StoreError {
    match error {
        StoreError::TooNew(what) => StoreError::TooNew(format!("the checkpoint of {group} has {what}")),
        StoreError::TooOld(what) => StoreError::TooOld(format!("the checkpoint of {group} has {what}")),
        other => other,
    }
}

/// A message as what it is, so that its letter can go into a file.
fn as_message(row: Row) -> Result<Row, StoreError> {
    let RowValue::Encoded(value) = &row.value else {
        return Ok(row);
    };
    if row.key.first() != Some(&tables::MESSAGES) {
        return Ok(row);
    }
    let message = MessageRow::from_encoded(value.clone());
    let message = message.map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Row {
        key: row.key,
        value: RowValue::Message(message),
    })
}
