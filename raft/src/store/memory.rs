//! Checkpoints in memory: a model of those on disk, for tests. It outlives the node that uses it,
//! as a disk would.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Checkpoint, PutAside, Store, StoreError};
use crate::machine::Delta;
use crate::types::GroupId;

type Rows = BTreeMap<Bytes, Bytes>;

/// Checkpoints in memory.
#[derive(Default)]
pub struct MemoryStore {
    groups: Mutex<BTreeMap<GroupId, (Bytes, Rows)>>,
    staged: Mutex<BTreeMap<GroupId, Rows>>,
    aside: Mutex<BTreeMap<GroupId, Vec<PutAside>>>,
}

impl Store for MemoryStore {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        let groups = self.groups.lock();
        Ok(groups.get(&group).map(|(header, rows)| Checkpoint {
            header: header.clone(),
            rows: pairs(rows),
        }))
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        let mut groups = self.groups.lock();
        if !delta.clear && !groups.contains_key(&group) {
            return Err(StoreError::NoBase(group));
        }
        let (old_header, rows) = groups.entry(group).or_default();
        *old_header = header;
        if delta.clear {
            rows.clear();
        }
        if delta.clear {
            self.aside.lock().remove(&group);
        }
        change(rows, delta);
        Ok(())
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        let mut staged = self.staged.lock();
        if part.clear {
            staged.insert(group, Rows::default());
        }
        change(staged.get_mut(&group).ok_or(StoreError::NotStaged(group))?, part);
        Ok(())
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let staged = self.staged.lock();
        let rows = staged.get(&group).ok_or(StoreError::NotStaged(group))?;
        Ok(pairs(rows))
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        let rows = self.staged.lock().remove(&group);
        let rows = rows.ok_or(StoreError::NotStaged(group))?;
        self.groups.lock().insert(group, (header, rows));
        self.aside.lock().remove(&group);
        Ok(())
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.staged.lock().remove(&group);
        Ok(())
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.groups.lock().remove(&group);
        self.aside.lock().remove(&group);
        self.unstage(group)?;
        Ok(())
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        Ok(self.groups.lock().keys().copied().collect())
    }

    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        if self.groups.lock().remove(&group).is_some() {
            let put_aside = PutAside {
                reason: reason.to_owned(),
                ..PutAside::found(group, 0, Default::default())
            };
            self.aside.lock().entry(group).or_default().push(put_aside);
        }
        Ok(())
    }

    fn proven(&self, _: GroupId) -> Result<(), StoreError> {
        Ok(())
    }

    fn aside(&self) -> Vec<PutAside> {
        self.aside.lock().values().flatten().cloned().collect()
    }
}

fn change(rows: &mut Rows, delta: Delta) {
    for key in &delta.deletes {
        rows.remove(key);
    }
    for row in delta.puts {
        rows.insert(row.key, row.value.encode());
    }
}

fn pairs(rows: &Rows) -> Vec<(Bytes, Bytes)> {
    let pairs = rows.iter();
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}
