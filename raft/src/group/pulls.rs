//! The states that a node is taking in: one of a group at a time, and not too many at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::pull::Pull;
use crate::store::{Checkpointer, StoreError};
use crate::types::{GroupId, NodeId};

/// States of queues that leaders offered, and that are taken in at a time. Each may hold some rows in memory.
const SLOTS: usize = 8;
/// What was taken in is kept for so long.
const KEPT: Duration = Duration::from_secs(120);

/// The states that a node is taking in.
#[derive(Clone)]
pub(crate) struct Pulls {
    of: Arc<Mutex<BTreeMap<GroupId, Arc<tokio::sync::Mutex<Pull>>>>>,
    slots: Arc<Semaphore>,
}

/// Keeps others from taking in a state of the same group.
pub(super) type Hold = OwnedMutexGuard<Pull>;

impl Default for Pulls {
    fn default() -> Pulls {
        Pulls {
            of: Arc::default(),
            slots: Arc::new(Semaphore::new(SLOTS)),
        }
    }
}

impl Pulls {
    fn of(&self, group: GroupId) -> Arc<tokio::sync::Mutex<Pull>> {
        let mut of = self.of.lock();
        let new = || Arc::new(tokio::sync::Mutex::new(Pull::begin(None)));
        of.entry(group).or_insert_with(new).clone()
    }

    /// Takes the right to take in a state of a group; none if somebody has it.
    pub(super) fn hold(&self, group: GroupId) -> Option<Hold> {
        self.of(group).try_lock_owned().ok()
    }

    /// Waits until there is room for one more. For the catalog there always is, and for what has begun with that node.
    pub(super) async fn slot(
        &self,
        group: GroupId,
        from: NodeId,
    ) -> Result<Option<OwnedSemaphorePermit>, Status> {
        if group == GroupId::CATALOG || self.begun_with(group) == Some(from) {
            return Ok(None);
        }
        let slot = self.slots.clone().acquire_owned().await;
        slot.map(Some).map_err(|e| Status::unavailable(e.to_string()))
    }

    /// The node that gave a part of a group's state.
    pub(super) fn begun_with(&self, group: GroupId) -> Option<NodeId> {
        let pull = self.of.lock().get(&group).cloned()?;
        pull.try_lock().ok()?.from
    }

    /// Lets go of what was taken in of a group, once nobody takes it in any more.
    pub(crate) async fn forget(&self, group: GroupId) {
        let pull = self.of.lock().get(&group).cloned();
        if let Some(pull) = pull {
            *pull.lock().await = Pull::begin(None);
        }
        self.of.lock().remove(&group);
    }

    /// Lets go of what nobody went on with.
    pub(crate) async fn sweep(&self, checkpointer: &Checkpointer) -> Result<(), StoreError> {
        let all: Vec<_> = self
            .of
            .lock()
            .iter()
            .map(|(group, pull)| (*group, pull.clone()))
            .collect();
        for (group, pull) in all {
            if let Ok(mut pull) = pull.try_lock()
                && pull.is_left(KEPT)
            {
                *pull = Pull::begin(None);
                checkpointer.unstage(group).await?;
            }
        }
        Ok(())
    }
}
