//! Reading checkpoints.

use bytes::Bytes;

use super::database::Database;
use super::row::{Side, group_of, header_key, rest_of, unseal};
use super::trouble::Trouble;
use crate::store::Checkpoint;
use crate::types::GroupId;

impl Database {
    pub(super) fn load(&mut self, group: GroupId) -> Result<Option<Checkpoint>, Trouble> {
        let Some((side, header)) = self.settle(group)? else {
            return Ok(None);
        };
        match self.rows(group, side)? {
            Some(rows) => Ok(Some(Checkpoint { header, rows })),
            None => self.give_up(group, "a row"),
        }
    }

    /// The rows on one side; none if one of them is damaged.
    pub(super) fn rows(&self, group: GroupId, side: Side) -> Result<Option<Vec<(Bytes, Bytes)>>, Trouble> {
        let mut rows = Vec::new();
        for pair in self.sled.range(side.range(group)) {
            let (key, sealed) = pair?;
            let Some(value) = unseal(&key, &sealed) else {
                return Ok(None);
            };
            rows.push((Bytes::copy_from_slice(side.row_of(&key)), value));
        }
        Ok(Some(rows))
    }

    pub(super) fn groups(&mut self) -> Result<Vec<GroupId>, Trouble> {
        let mut groups = Vec::new();
        self.each_group(|group, has_header| {
            if has_header {
                groups.push(group);
            }
        })?;
        Ok(groups)
    }

    /// Names each group of which there is anything, and whether there is a checkpoint.
    pub(super) fn each_group(&self, mut body: impl FnMut(GroupId, bool)) -> Result<(), Trouble> {
        let mut next = Some(Vec::new());
        // A group's header is the first of its rows, so that one look at each group is enough.
        while let Some(from) = next.take()
            && let Some(pair) = self.sled.range(from..).next()
        {
            let (key, _) = pair?;
            match group_of(&key) {
                Some(group) => {
                    body(group, rest_of(&key).is_empty());
                    let after = group.0.checked_add(1).map(GroupId);
                    next = after.map(|after| header_key(after).to_vec());
                }
                None => next = Some([&key, &[0][..]].concat()),
            }
        }
        Ok(())
    }
}
