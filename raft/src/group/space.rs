//! Keeps a group's part of the log small: checkpoints, and letting go of what they cover.
//!
//! openraft would purge after a checkpoint, too, but always keep a number of entries, whatever their
//! size and however many groups there are. That is switched off; here the disk has the last word: the log's segments fall
//! free from the oldest on, so that one group that lets nothing go would keep those of all others.

use super::{Group, NotDone};
use crate::types::LogIndex;

/// Entries that a checkpoint covers stay for followers that are a little behind, but not more
/// bytes of them than this.
const KEPT_BYTES_MAX: u64 = 8 << 20;

/// While the disk is nearly full, a group whose log has so much without a checkpoint gets one. Letters of fewer
/// bytes would stay with the rows, and be written more than once.
const DISK_BYTES_MAX: u64 = 4 << 20;

/// How much the log needs the space of a group's oldest entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    None,
    /// The disk is nearly full.
    Disk,
    /// The log has more than it should.
    Some,
    /// It has twice as much.
    Dire,
}

impl Group {
    /// Writes a checkpoint if there is something new to write, none is being written, and none had too little space a moment ago.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn checkpoint(&self) -> Result<(), NotDone> {
        let has_news = *self.replica.applied().borrow() > self.replica.checkpointed();
        if !has_news || self.replica.is_checkpointing() || !self.replica.may_have_space() {
            return Ok(());
        }
        self.raft.trigger().snapshot().await.map_err(|_| NotDone::Stopped)
    }

    /// Lets go of the entries that a durable checkpoint covers, except for the last `keep_bytes` of them. A leader keeps what goes on from a state
    /// that it sent, too, unless the need is `dire`, and openraft waits until no follower is being sent what shall go.
    async fn purge_checkpointed(&self, keep_bytes: u64, dire: bool) -> Result<(), NotDone> {
        let covered = LogIndex(self.replica.checkpointed());
        let mut first = self.log.first_within(covered, keep_bytes);
        let transfers = self.replica.transfers();
        if !dire
            && self.leadership().leads
            && let Some(needed) = transfers.needs()
        {
            first = first.min(LogIndex(needed));
        }
        if first.0 <= self.log.range().start {
            return Ok(());
        }
        if transfers.log_begins(first.0) {
            tracing::warn!(group = %self.id, "the log cannot keep what goes on from a state that was sent");
        }
        // A replica starts with a state that is ahead of its checkpoint, and openraft takes that
        // state for a snapshot. Only what is durable counts here.
        let last = first.0 - 1;
        self.raft
            .trigger()
            .purge_log(last)
            .await
            .map_err(|_| NotDone::Stopped)
    }

    /// Makes sure that no more than `checkpoint_bytes` of the log are without a checkpoint, and that
    /// only so much stays of what has one: nothing, if the log needs the space of this group's oldest entries.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub(crate) async fn limit_log(&self, checkpoint_bytes: u64, pressure: Pressure) -> Result<(), NotDone> {
        self.tend_transfers();
        if pressure == Pressure::Disk {
            self.purge_checkpointed(0, false).await?;
            let covered = self.log.bytes_before(LogIndex(self.replica.checkpointed()));
            if self.log.bytes_since_purge().saturating_sub(covered) > DISK_BYTES_MAX {
                self.checkpoint().await?;
            }
            return Ok(());
        }
        if pressure != Pressure::None {
            self.purge_checkpointed(0, pressure == Pressure::Dire).await?;
            return self.checkpoint().await;
        }
        let keep_bytes = KEPT_BYTES_MAX.min(checkpoint_bytes);
        let bytes = self.log.bytes_since_purge();
        if bytes <= keep_bytes {
            return Ok(());
        }
        let covered = self.log.bytes_before(LogIndex(self.replica.checkpointed()));
        if covered > keep_bytes {
            self.purge_checkpointed(keep_bytes, false).await?;
        }
        if bytes.saturating_sub(covered) > checkpoint_bytes {
            self.checkpoint().await?;
        }
        Ok(())
    }
}
