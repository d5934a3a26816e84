//! A store in memory that counts what it is given, and fails when it is told to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use raft::machine::Delta;
use raft::store::{Checkpoint, MemoryStore, PutAside, Store, StoreError};
use raft::types::GroupId;

#[derive(Default)]
pub(crate) struct Scripted {
    memory: MemoryStore,
    writes: AtomicUsize,
    fails: AtomicBool,
}

impl Scripted {
    /// How many checkpoints were written.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Every write fails from now on.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }
}

impl Store for Scripted {
    fn load(&self, group: GroupId) -> Result<Option<Checkpoint>, StoreError> {
        self.memory.load(group)
    }

    fn write(&self, group: GroupId, header: Bytes, delta: Delta) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("the test wants it".into()));
        }
        self.memory.write(group, header, delta)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn stage(&self, group: GroupId, part: Delta) -> Result<(), StoreError> {
        self.memory.stage(group, part)
    }

    fn staged(&self, group: GroupId) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.memory.staged(group)
    }

    fn commit(&self, group: GroupId, header: Bytes) -> Result<(), StoreError> {
        self.memory.commit(group, header)
    }

    fn unstage(&self, group: GroupId) -> Result<(), StoreError> {
        self.memory.unstage(group)
    }

    fn forget(&self, group: GroupId) -> Result<(), StoreError> {
        self.memory.forget(group)
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.memory.groups()
    }

    fn put_aside(&self, group: GroupId, reason: &str) -> Result<(), StoreError> {
        self.memory.put_aside(group, reason)
    }

    fn proven(&self, group: GroupId) -> Result<(), StoreError> {
        self.memory.proven(group)
    }

    fn aside(&self) -> Vec<PutAside> {
        self.memory.aside()
    }
}
