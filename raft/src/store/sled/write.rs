//! Changing a checkpoint, in steps of bounded size that count as one.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::database::Database;
use super::row::{Side, header_key, is_row, key, seal, undo_range, unseal};
use super::steps::Step;
use super::trouble::Trouble;
use super::undo::{Lost, Undo, settle};
use crate::machine::{Delta, Row};
use crate::store::StoreError;
use crate::types::GroupId;

/// A row to write, or to remove, with its key and value as they are in sled.
struct Change {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Change {
    fn into_step(self, step: &mut Step) {
        match self.value {
            Some(value) => step.insert(self.key, value),
            None => step.remove(self.key),
        }
    }
}

impl Database {
    pub(super) fn write(&mut self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), Trouble> {
        check_keys(&delta)?;
        let side = self.settle(group)?.map(|(side, _)| side);
        match side {
            None if !delta.clear => Err(Trouble::Refused(StoreError::NoBase(group))),
            Some(side) if !delta.clear => self.change(group, side, header, delta),
            Some(side) if self.staged.contains(&group) => {
                let delta = self.in_place(group, side, delta)?;
                self.change(group, side, header, delta)
            }
            _ => self.replace(group, side, header, delta.puts),
        }
    }

    /// A whole state as a change of the one that is there: there is no room beside it.
    fn in_place(&self, group: GroupId, side: Side, whole: Delta) -> Result<Delta, Trouble> {
        let stays: BTreeSet<&[u8]> = whole.puts.iter().map(|row| row.key.as_ref()).collect();
        let mut deletes = Vec::new();
        for key in self.sled.range(side.range(group)).keys() {
            let key = key?;
            let row = side.row_of(&key);
            if !stays.contains(row) {
                deletes.push(Bytes::copy_from_slice(row));
            }
        }
        Ok(Delta {
            clear: false,
            deletes,
            puts: whole.puts,
        })
    }

    /// Changes what is there. What it was is kept until the last step is done.
    fn change(&mut self, group: GroupId, side: Side, header: Bytes, delta: Delta) -> Result<(), Trouble> {
        let sealed_header = self.sled.get(header_key(group))?.unwrap_or_default();
        let mut undo = Undo::to(group, &sealed_header);
        let deletes = delta.deletes.into_iter().map(|row| Change {
            key: side.key(group, &row),
            value: None,
        });
        let puts = delta.puts.into_iter().map(|row| put(group, side, &row));
        let mut waiting = Vec::new();
        let mut weight = Step::default();
        for change in deletes.chain(puts) {
            if self.steps.is_full(&weight) {
                self.change_some(std::mem::take(&mut waiting), &mut undo)?;
                weight = Step::default();
            }
            weight.weigh(change.key.len() + change.value.as_ref().map_or(0, Vec::len));
            waiting.push(change);
        }
        let mut last = Step::default();
        for change in waiting {
            change.into_step(&mut last);
        }
        put_header(group, side, &header, &mut last);
        undo.commit(&mut last);
        self.steps.apply(last)?;
        self.make_durable()?;
        if undo.is_used() {
            self.steps.remove_range(undo_range(group))?;
        }
        Ok(())
    }

    /// Some of the changes of a delta, in as many steps as it takes with what has to be noted for undoing them.
    fn change_some(&mut self, changes: Vec<Change>, undo: &mut Undo) -> Result<(), Trouble> {
        let mut step = Step::default();
        for change in changes {
            let old = self.sled.get(&change.key)?;
            undo.note(&change.key, old.as_deref(), &mut step);
            change.into_step(&mut step);
            if self.steps.is_full(&step) {
                undo.close(&mut step);
                self.steps.apply(std::mem::take(&mut step))?;
            }
        }
        undo.close(&mut step);
        self.steps.apply(step)
    }

    /// Writes a whole state beside the one that is there, if any, and then lets it take its place. That the rows
    /// change sides saves writing all old ones once more, only to be able to go back.
    fn replace(
        &mut self,
        group: GroupId,
        old: Option<Side>,
        header: Bytes,
        rows: Vec<Row>,
    ) -> Result<(), Trouble> {
        let side = match old {
            Some(old) => old.other(),
            // A state that is put together has the other side until then.
            None if self.staged.contains(&group) => Side::B,
            None => Side::A,
        };
        self.put_all(group, side, rows)?;
        self.let_count(group, side, &header)
    }

    /// Writes rows, in as many steps as it takes.
    pub(super) fn put_all(&mut self, group: GroupId, side: Side, rows: Vec<Row>) -> Result<(), Trouble> {
        let mut step = Step::default();
        for row in rows {
            if self.steps.is_full(&step) {
                self.steps.apply(std::mem::take(&mut step))?;
            }
            put(group, side, &row).into_step(&mut step);
        }
        self.steps.apply(step)
    }

    /// From now on the rows on `side` count, durably, and those on the other are let go of.
    pub(super) fn let_count(&mut self, group: GroupId, side: Side, header: &[u8]) -> Result<(), Trouble> {
        let mut step = Step::default();
        put_header(group, side, header, &mut step);
        self.steps.apply(step)?;
        self.make_durable()?;
        if self.staged.contains(&group) {
            return Ok(());
        }
        self.steps.remove_range(side.other().range(group))
    }

    pub(super) fn forget(&mut self, group: GroupId) -> Result<(), Trouble> {
        self.staged.remove(&group);
        if self.sled.contains_key(header_key(group))? {
            let mut step = Step::default();
            step.remove(&header_key(group));
            self.steps.apply(step)?;
            self.make_durable()?;
        }
        self.remove_group(group)
    }

    /// Brings a group into order that a crash may have left in disorder. Returns the side that its rows are on,
    /// and its header; none if it has no checkpoint.
    pub(super) fn settle(&mut self, group: GroupId) -> Result<Option<(Side, Bytes)>, Trouble> {
        let Some(sealed) = self.sled.get(header_key(group))? else {
            if !self.staged.contains(&group) {
                self.remove_group(group)?;
            }
            return Ok(None);
        };
        let found = |side: Side| unseal(&side.key(group, &[]), &sealed).map(|header| (side, header));
        let Some((side, header)) = found(Side::A).or_else(|| found(Side::B)) else {
            return self.give_up(group, "its header");
        };
        if let Err(Lost) = settle(&self.sled, &mut self.steps, group)? {
            return self.give_up(group, "what leads back from a write that was cut short");
        }
        if !self.staged.contains(&group) {
            self.steps.remove_range(side.other().range(group))?;
        }
        Ok(Some((side, header)))
    }

    /// Forgets a group that is damaged.
    pub(super) fn give_up<T>(&mut self, group: GroupId, what: &str) -> Result<Option<T>, Trouble> {
        tracing::warn!(%group, what, "the checkpoint of a group is damaged: going on without it");
        self.forget(group)?;
        Ok(None)
    }

    /// Removes whatever there is of a group that has no header.
    pub(super) fn remove_group(&mut self, group: GroupId) -> Result<(), Trouble> {
        self.steps.remove_range(key(group, &[])..key(group, &[0xff]))
    }
}

/// Refuses rows that cannot be kept.
pub(super) fn check_keys(delta: &Delta) -> Result<(), Trouble> {
    let mut keys = delta.puts.iter().map(|row| &row.key).chain(&delta.deletes);
    match keys.find(|key| !is_row(key)) {
        Some(odd) => {
            let reason = format!("a row's key cannot be kept: {odd:02x?}");
            Err(Trouble::Refused(StoreError::Failed(reason)))
        }
        None => Ok(()),
    }
}

fn put(group: GroupId, side: Side, row: &Row) -> Change {
    let key = side.key(group, &row.key);
    let value = Some(seal(&key, &row.value.encode()));
    Change { key, value }
}

fn put_header(group: GroupId, side: Side, header: &[u8], step: &mut Step) {
    step.insert(&header_key(group), seal(&side.key(group, &[]), header));
}
