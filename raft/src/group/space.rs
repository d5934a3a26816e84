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

impl Group {
    /// Writes a checkpoint if there is something new to write and none is being written.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn checkpoint(&self) -> Result<(), NotDone> {
        let has_news = *self.replica.applied().borrow() > self.replica.checkpointed();
        if !has_news || self.replica.is_checkpointing() {
            return Ok(());
        }
        self.raft.trigger().snapshot().await.map_err(|_| NotDone::Stopped)
    }

    /// Lets go of the entries that a durable checkpoint covers, except for the last `keep_bytes` of
    /// them. A leader waits with that until no follower is being sent what shall go. What goes on from a state that was sent stays, too, unless
    /// nothing is to be kept.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub async fn purge_checkpointed(&self, keep_bytes: u64) -> Result<(), NotDone> {
        let covered = LogIndex(self.replica.checkpointed());
        let mut first = self.log.first_within(covered, keep_bytes);
        let transfers = self.replica.transfers();
        if keep_bytes > 0
            && let Some(needed) = transfers.needs()
        {
            first = first.min(LogIndex(needed));
        }
        if first.0 <= self.log.range().start {
            return Ok(());
        }
        transfers.log_begins(first.0);
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
    /// only so much stays of what has one. `is_pressed`: the log needs the space of this group's
    /// oldest entries, so that nothing stays that has a checkpoint.
    ///
    /// # Errors
    /// If the replica has stopped.
    pub(crate) async fn limit_log(&self, checkpoint_bytes: u64, is_pressed: bool) -> Result<(), NotDone> {
        self.tend_transfers();
        if is_pressed {
            self.purge_checkpointed(0).await?;
            return self.checkpoint().await;
        }
        let keep_bytes = KEPT_BYTES_MAX.min(checkpoint_bytes);
        let bytes = self.log.bytes_since_purge();
        if bytes <= keep_bytes {
            return Ok(());
        }
        let covered = self.log.bytes_before(LogIndex(self.replica.checkpointed()));
        if covered > keep_bytes {
            self.purge_checkpointed(keep_bytes).await?;
        }
        if bytes.saturating_sub(covered) > checkpoint_bytes {
            self.checkpoint().await?;
        }
        Ok(())
    }
}
