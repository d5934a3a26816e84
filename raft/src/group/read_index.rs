//! How far a reader must have applied to see all that was acknowledged before it asked.
//!
//! The leader finds out in one of two ways. By its lease (`acks.rs`): a command is acknowledged by
//! the leader that applied it, and as long as the lease holds, nobody else has acknowledged
//! anything that this leader has not applied. Or by a round of heartbeats that begins after the
//! question (Ongaro's thesis, 6.4), which a majority has to answer. All nodes ask the catalog's
//! leader every second, and each round goes to all nodes: with the lease, a question costs no
//! further message.

use openraft::ReadPolicy;

use super::{Group, NotDone};

impl Group {
    /// The index that a reader must have applied to see everything acknowledged before the call,
    /// confirmed by a round of heartbeats; only the leader can say.
    ///
    /// # Errors
    /// [`NotDone::NotLeader`] with the leader, if known.
    pub async fn read_index(&self) -> Result<u64, NotDone> {
        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _)) => Ok(read.log_id().index + 1),
            Err(_) => Err(NotDone::NotLeader(self.leadership().leader)),
        }
    }

    /// The same, by the lease if this leader has it.
    ///
    /// # Errors
    /// As for [`Group::read_index`].
    pub async fn read_index_by_lease(&self) -> Result<u64, NotDone> {
        // First the lease, then the index: nobody else had acknowledged anything when the lease was
        // looked at, which was after the call.
        if self.leads_with_lease() {
            // From the state itself: watchers are told of an entry only after its commands were
            // answered.
            return Ok(self.replica.view(|s| s.applied.map_or(0, |id| id.index + 1)));
        }
        self.read_index().await
    }

    /// Returns when this replica, which leads, has applied everything that was committed before the
    /// call.
    ///
    /// # Errors
    /// [`NotDone::NotLeader`] with the leader, if known; [`NotDone::Stopped`] if the replica stops
    /// before.
    pub async fn confirmed(&self) -> Result<(), NotDone> {
        let index = self.read_index().await?;
        self.wait_applied(index).await
    }
}
