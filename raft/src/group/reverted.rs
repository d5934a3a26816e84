//! Followers that lost entries which they had acknowledged: their disk lied, or was set back.
//!
//! A leader never goes back behind what a follower has acknowledged, so openraft would ask such a
//! follower for ever for what it has no more. Here that is noticed, told of, and openraft is
//! allowed to begin with that follower anew. What the leader has is sent again; that the follower
//! counted for a majority meanwhile cannot be undone, so an operator has to look at its disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::RaftHandle;
use super::acks::Lost;
use crate::types::{GroupId, NodeId};

/// How often a follower was found to have lost entries, in all groups that a node led.
#[derive(Clone, Default)]
pub(crate) struct Reversions(Arc<AtomicU64>);

impl Reversions {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one group's connections do about it.
#[derive(Default)]
pub(super) struct Repair {
    /// As long as the replica is open: openraft itself holds the connections.
    raft: Mutex<Option<RaftHandle>>,
    reversions: Reversions,
}

impl Repair {
    pub(super) fn new(reversions: Reversions) -> Repair {
        Repair {
            raft: Mutex::default(),
            reversions,
        }
    }

    /// The replica is open.
    pub(super) fn open(&self, raft: &RaftHandle) {
        *self.raft.lock() = Some(raft.clone());
    }

    /// The replica ends.
    pub(super) fn close(&self) {
        *self.raft.lock() = None;
    }

    /// A follower lacks an entry although it had said to have it. Returns once openraft knows that
    /// this may be; so all that the follower says it lacks comes by here, on whichever connection.
    pub(super) async fn found(&self, group: GroupId, follower: NodeId, lost: Lost, lacks: u64) {
        if lost.is_news {
            self.reversions.0.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%group, node = %follower, had = lost.had, lacks,
                "a follower has lost log entries that it had acknowledged: do not trust its disk");
        }
        let raft = self.raft.lock().clone();
        let Some(raft) = raft else { return };
        let error = match raft.trigger().allow_next_revert(&follower, true).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(%group, node = %follower, error, "the entries cannot be sent again");
    }
}
