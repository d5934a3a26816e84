//! Putting a whole state together in parts, on the side that does not count.
//!
//! What is there of it after a crash is no part of anything, and goes when the group is looked at next.

use bytes::Bytes;

use super::database::Database;
use super::row::Side;
use super::steps::Step;
use super::trouble::Trouble;
use super::write::check_keys;
use crate::machine::Delta;
use crate::store::StoreError;
use crate::types::GroupId;

impl Database {
    pub(super) fn stage(&mut self, group: GroupId, part: Delta) -> Result<(), Trouble> {
        check_keys(&part)?;
        if part.clear {
            self.unstage(group)?;
            self.staged.insert(group);
        }
        let side = self.side_of_staged(group)?;
        let mut step = Step::default();
        for row in part.deletes {
            if self.steps.is_full(&step) {
                self.steps.apply(std::mem::take(&mut step))?;
            }
            step.remove(side.key(group, &row));
        }
        self.steps.apply(step)?;
        self.put_all(group, side, part.puts)
    }

    pub(super) fn staged(&mut self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, Trouble> {
        let side = self.side_of_staged(group)?;
        match self.rows(group, side)? {
            Some(rows) => Ok(rows),
            None => {
                tracing::warn!(%group, "a state that was being put together is damaged");
                self.unstage(group)?;
                Err(not_staged(group))
            }
        }
    }

    pub(super) fn commit(&mut self, group: GroupId, header: &[u8]) -> Result<(), Trouble> {
        let side = self.side_of_staged(group)?;
        self.staged.remove(&group);
        self.let_count(group, side, header)
    }

    /// Without the mark, looking at the group removes what has no header.
    pub(super) fn unstage(&mut self, group: GroupId) -> Result<(), Trouble> {
        self.staged.remove(&group);
        self.settle(group)?;
        Ok(())
    }

    /// Where the state of a group is being put together.
    fn side_of_staged(&mut self, group: GroupId) -> Result<Side, Trouble> {
        let counts = self.settle(group)?;
        if !self.staged.contains(&group) {
            return Err(not_staged(group));
        }
        Ok(counts.map_or(Side::A, |(side, _)| side.other()))
    }
}

fn not_staged(group: GroupId) -> Trouble {
    Trouble::Refused(StoreError::NotStaged(group))
}
