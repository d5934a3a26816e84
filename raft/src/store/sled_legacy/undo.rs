//! Undo rows: how a change of many steps was one.
//!
//! Each step of a delta but the last also wrote what its rows were before, into *undo rows* that
//! are numbered from 0. The last step replaced the header and removed undo row 0: that was the
//! commit. So undo row 0 says that a delta was cut short, and its rows are taken back from the last
//! undo row to the first. Undo rows without number 0 are left over from a delta that was committed.
//!
//! An undo row's value, sealed like all values, is the header's checksum (leftovers of another
//! delta cannot be taken for this one's) and entries of: key length (u32, little-endian), key
//! without the group, 0 or 1 for whether there was a value, its length, and the value as it stood
//! there.

use std::collections::BTreeMap;

use sled::IVec;

use super::row::{key, seal_of, undo_number, unseal};
use crate::types::GroupId;

/// The undo rows do not lead back to anything.
pub(super) struct Lost;

/// Keys and sealed values, as they stand in sled.
type Sealed = BTreeMap<Vec<u8>, Vec<u8>>;

/// Takes back a delta that was cut short, if there is one, with the group's undo rows in their
/// order.
pub(super) fn take_back(
    group: GroupId,
    header: &[u8],
    undo: Vec<(IVec, IVec)>,
    rows: &mut Sealed,
) -> Result<(), Lost> {
    if undo.first().and_then(|(key, _)| undo_number(key)) != Some(0) {
        return Ok(());
    }
    let tag = seal_of(header).ok_or(Lost)?;
    for (number, (key, _)) in (0..).zip(&undo) {
        if undo_number(key) != Some(number) {
            return Err(Lost);
        }
    }
    for (key, sealed) in undo.into_iter().rev() {
        let row = unseal(&key, &sealed).ok_or(Lost)?;
        back(group, &tag, &row, rows).ok_or(Lost)?;
    }
    Ok(())
}

/// Does what an undo row describes; none if it is no such row, or another delta's.
fn back(group: GroupId, tag: &[u8], row: &[u8], rows: &mut Sealed) -> Option<()> {
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
    // The last of several about one key is the oldest.
    for (key, old) in entries.into_iter().rev() {
        match old {
            Some(old) => drop(rows.insert(key, old.to_vec())),
            None => drop(rows.remove(&key)),
        }
    }
    Some(())
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
