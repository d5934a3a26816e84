//! Undo rows: how a change of many steps is one.
//!
//! Each step of a delta but the last also writes what its rows were before, into *undo rows* that are numbered
//! from 0. The last step replaces the header and removes undo row 0: that is the commit. So undo row 0 says
//! that a delta was cut short, and whoever finds it goes back, from the last undo row to the first, each
//! in a step with its own removal; being cut short there does no harm either. Undo rows without
//! number 0 are left over from a delta that was committed.
//!
//! An undo row's value, sealed like all values, is the header's checksum (leftovers of another delta
//! cannot be taken for this one's) and entries of: key length (u32, little-endian), key without the group,
//! 0 or 1 for whether there was a value, its length, and the value as it stood there.

use sled::Db;

use super::row::{header_key, key, rest_of, seal, seal_of, undo_key, undo_number, undo_range, unseal};
use super::steps::{Step, Steps};
use super::trouble::Trouble;
use crate::types::GroupId;

/// An undo row is closed when it is as large as this. sled keeps up to 16 rows in a page and writes a page of
/// more than 128 KiB to a file of its own.
const UNDO_ROW_BYTES: usize = 4096;

/// The undo rows of a delta in the making.
pub(super) struct Undo {
    group: GroupId,
    tag: [u8; 4],
    next: u32,
    open: Vec<u8>,
}

impl Undo {
    /// Back to the state that `sealed_header` is the header of.
    pub(super) fn to(group: GroupId, sealed_header: &[u8]) -> Undo {
        Undo {
            group,
            tag: seal_of(sealed_header).unwrap_or_default(),
            next: 0,
            open: Vec::new(),
        }
    }

    /// Notes what a key's value is before `step` changes it.
    pub(super) fn note(&mut self, key: &[u8], old: Option<&[u8]>, step: &mut Step) {
        if self.open.is_empty() {
            self.open.extend_from_slice(&self.tag);
        }
        put(&mut self.open, rest_of(key));
        self.open.push(u8::from(old.is_some()));
        if let Some(old) = old {
            put(&mut self.open, old);
        }
        if self.open.len() >= UNDO_ROW_BYTES {
            self.close(step);
        }
    }

    /// Puts what was noted into `step`. To be called before the step is applied.
    pub(super) fn close(&mut self, step: &mut Step) {
        if !self.open.is_empty() {
            let key = undo_key(self.group, self.next);
            step.insert(key.as_slice(), seal(&key, &self.open));
            self.next += 1;
            self.open.clear();
        }
    }

    /// Makes `step` the commit. What is left has to be removed after it.
    pub(super) fn commit(&self, step: &mut Step) {
        if self.next > 0 {
            step.remove(undo_key(self.group, 0));
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.next > 0
    }
}

fn put(row: &mut Vec<u8>, bytes: &[u8]) {
    row.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    row.extend_from_slice(bytes);
}

/// The undo rows do not lead back to anything.
pub(super) struct Lost;

/// Takes back a delta that was cut short, if there is one, and removes leftovers.
pub(super) fn settle(sled: &Db, steps: &mut Steps, group: GroupId) -> Result<Result<(), Lost>, Trouble> {
    if sled.contains_key(undo_key(group, 0))? {
        let tag = sled.get(header_key(group))?.and_then(|header| seal_of(&header));
        let mut expected = None;
        while let Some(pair) = sled.range(undo_range(group)).next_back() {
            let (undo, sealed) = pair?;
            let number = undo_number(&undo);
            let row = unseal(&undo, &sealed);
            let (Some(number), Some(row), Some(tag)) = (number, row, tag) else {
                return Ok(Err(Lost));
            };
            let Some(mut step) = back(group, &tag, &row).filter(|_| expected.is_none_or(|e| e == number))
            else {
                return Ok(Err(Lost));
            };
            expected = number.checked_sub(1);
            step.remove(undo);
            steps.apply(step)?;
        }
        tracing::info!(%group, "a checkpoint that was cut short is taken back");
    }
    steps.remove_range(undo_range(group))?;
    Ok(Ok(()))
}

/// The step that an undo row describes; none if it is no such row, or another delta's.
fn back(group: GroupId, tag: &[u8], row: &[u8]) -> Option<Step> {
    let mut entries = Vec::new();
    let mut rest = row.strip_prefix(tag)?;
    while !rest.is_empty() {
        let changed = take(&mut rest)?;
        let (was_there, after) = rest.split_first()?;
        rest = after;
        let old = match was_there {
            0 => None,
            _ => Some(take(&mut rest)?),
        };
        entries.push((key(group, changed), old));
    }
    let mut step = Step::default();
    // The last of several about one key is the oldest.
    for (key, old) in entries.into_iter().rev() {
        match old {
            Some(old) => step.insert(key, old),
            None => step.remove(key),
        }
    }
    Some(step)
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
