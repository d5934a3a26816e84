//! Checkpoints in memory: the twin of the one on disk, for simulation and tests. It outlives the
//! simulated node that uses it, as a disk would.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Checkpoint, Store, StoreError};
use crate::machine::Delta;
use crate::types::GroupId;

type Rows = BTreeMap<Bytes, Bytes>;

/// Checkpoints in memory.
#[derive(Default)]
pub struct MemoryStore {
    groups: Mutex<BTreeMap<GroupId, (Bytes, Rows)>>,
}

impl Store for MemoryStore {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        let groups = self.groups.lock();
        Ok(groups.get(&group).map(|(header, rows)| Checkpoint {
            header: header.clone(),
            rows: rows
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
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
        for key in &delta.deletes {
            rows.remove(key);
        }
        for row in delta.puts {
            rows.insert(row.key, row.value.encode());
        }
        Ok(())
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.groups.lock().remove(&group);
        Ok(())
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        Ok(self.groups.lock().keys().copied().collect())
    }
}
