//! Whether what is queued can be placed, and what goes first if not all of it can.

use std::io;

use rustc_hash::FxHashSet;

use super::error::WalError;
use super::folder::Need;
use super::shared::{Action, Op};
use super::writer::{Writer, aligned};

/// What entries leave free at the end of a segment that has no successor.
const MARGIN_BYTES_MAX: u64 = 64 * 1024;

impl Writer {
    /// Whether all of an operation can be placed. Entries leave a margin at the end of the last
    /// segment to what frees space.
    pub(super) fn has_room_for(&mut self, op: &Op) -> Result<bool, WalError> {
        let margin = match op.action {
            Action::Append { .. } => MARGIN_BYTES_MAX.min(self.live.active().capacity / 8),
            _ => 0,
        };
        self.has_room(op.record_bytes(), margin)
    }

    /// Whether records of so many bytes can be placed, in the next segment if need be.
    pub(super) fn has_room(&mut self, record_bytes: usize, margin: u64) -> Result<bool, WalError> {
        if self.fits(record_bytes, margin) || self.tail.next.is_some() {
            return Ok(true);
        }
        // A segment is made only once all before it is written.
        self.flush()?;
        self.prepare(Need::Now)?;
        Ok(self.tail.next.is_some())
    }

    fn fits(&self, record_bytes: usize, margin: u64) -> bool {
        let end = self.tail.position + aligned(self.buffer.len() + record_bytes) as u64;
        end + margin <= self.live.active().capacity
    }

    /// Places what frees space or was promised to others, ahead of the entries that find no room.
    /// Returns what it weighed in the queue.
    ///
    /// Votes and purges may go ahead of entries of their own group: those are acknowledged by
    /// nobody, and recovery passes over entries that are purged. Nothing goes ahead of a truncation
    /// of its own group, and neither a truncation nor a forgetting ahead of anything of it.
    pub(super) fn overtake(&mut self) -> Result<usize, WalError> {
        let mut bytes = 0;
        let mut passed = FxHashSet::default();
        let mut cut = FxHashSet::default();
        for op in std::mem::take(&mut self.waiting) {
            let group = op.group.id;
            let may_go = match &op.action {
                Action::Mark { .. } => !cut.contains(&group),
                Action::Truncate { .. } | Action::Forget { .. } => !passed.contains(&group),
                Action::Append { .. } | Action::Seal => false,
                Action::Close => {
                    let full = io::Error::from(io::ErrorKind::StorageFull);
                    let path = &self.live.active().path;
                    return Err(WalError::io("go on after", path, full));
                }
            };
            if may_go && self.fits(op.record_bytes(), 0) {
                if passed.contains(&group) {
                    op.group.state.lock().hints.overtake();
                }
                bytes += self.take(op)?;
                continue;
            }
            passed.insert(group);
            if matches!(op.action, Action::Truncate { .. } | Action::Forget { .. }) {
                cut.insert(group);
            }
            self.waiting.push_back(op);
        }
        Ok(bytes)
    }
}
