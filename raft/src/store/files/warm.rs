//! The files whose rows are known. Those that were used last are, up to a number of rows and of
//! files. Any other group has its file read when it is written next, so that idle groups cost
//! nothing here.

use std::collections::BTreeMap;

use super::FileStoreOptions;
use super::draft::Open;
use crate::types::GroupId;

#[derive(Default)]
pub(super) struct Warm {
    open: BTreeMap<GroupId, (u64, Open)>,
    /// By when they were used, in a count of uses.
    by_use: BTreeMap<u64, GroupId>,
    uses: u64,
    rows: u64,
}

impl Warm {
    /// Takes out what is known of a group's newest file. Whoever changes the file puts it back once
    /// that has succeeded.
    pub(super) fn take(&mut self, group: GroupId) -> Option<Open> {
        let (used, open) = self.open.remove(&group)?;
        self.by_use.remove(&used);
        self.rows -= open.index.rows();
        Some(open)
    }

    /// Keeps what is known of a group's newest file, and lets go of what was not used for longest.
    pub(super) fn keep(&mut self, group: GroupId, open: Open, options: FileStoreOptions) {
        drop(self.take(group));
        self.uses += 1;
        self.rows += open.index.rows();
        self.by_use.insert(self.uses, group);
        self.open.insert(group, (self.uses, open));
        while self.open.len() > 1
            && (self.rows > options.warm_rows_max || self.open.len() > options.warm_groups_max)
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            let oldest = *oldest;
            drop(self.take(oldest));
        }
    }
}
