//! The one writer: takes what is queued, writes it with one positional write, syncs once, and
//! then tells everybody who waited.
//!
//! While it syncs, operations gather for the next batch: that is the whole of group commit.
//! A failure ends the log; nothing is tried twice.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::entries::Location;
use super::error::WalError;
use super::folder::{Folder, Need};
use super::format::{
    BATCH_ALIGNMENT, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, RecordKind, SEGMENT_HEADER_BYTES,
    encode_record,
};
use super::group::Group;
use super::live::Live;
use super::segment::Segment;
use super::shared::{Action, Op, Shared};
use super::stats::BatchStats;
use super::window::CacheWindow;
use crate::env::Waker;
use crate::planted::{Bug, planted};
use crate::types::GroupId;

/// A batch closes at this size, so that the first of a long queue do not wait for the last.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What entries leave free at the end of a segment that has no successor.
const MARGIN_BYTES_MAX: u64 = 64 * 1024;

/// Where recovery left the log.
pub(super) struct Tail {
    /// The segment after the active one, if it was prepared.
    pub(super) next: Option<Segment>,
    /// Where the next batch goes in the active segment.
    pub(super) position: u64,
    /// Its number.
    pub(super) next_batch: u64,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    /// None once the log is closed, which lets go of the folder's lock.
    folder: Option<Folder>,
    live: Live,
    tail: Tail,
    /// Taken from the queue, not written.
    waiting: VecDeque<Op>,
    /// Written or being written, not acknowledged.
    in_flight: Vec<Op>,
    /// The batch in the making: space for its header, then records.
    buffer: Vec<u8>,
    records: u32,
    /// The manifest is to say that this batch is durable.
    seal_asked: bool,
    /// Where each record of the step lies, in order.
    placed: Vec<Location>,
    window: CacheWindow,
    /// Of the worker that makes spares.
    maker: Waker,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, folder: Folder, live: Live, tail: Tail, maker: Waker) -> Writer {
        let window = CacheWindow::new(shared.options.node_cache_bytes);
        let writer = Writer {
            shared,
            folder: Some(folder),
            live,
            tail,
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            buffer: vec![0; BATCH_HEADER_BYTES],
            records: 0,
            seal_asked: false,
            placed: Vec::new(),
            window,
            maker,
        };
        writer.report_segments();
        writer
    }

    /// Writes everything that is queued.
    pub(super) fn step(&mut self) {
        while self.folder.is_some() {
            self.waiting.append(&mut self.shared.take_queue());
            if self.waiting.is_empty() {
                return;
            }
            match self.write_and_tidy() {
                Ok(true) => {}
                // Without space, all waits. `Wal::tend` has it tried again.
                Ok(false) => return,
                Err(error) => self.fail(error),
            }
        }
    }

    /// Whether anything was written or freed.
    fn write_and_tidy(&mut self) -> Result<bool, WalError> {
        if let Some(failure) = self.shared.spares.failure() {
            return Err(failure);
        }
        let has_written = self.write_batch()?;
        let has_freed = self.tidy()?;
        if self.shared.spares.are_wanted() {
            self.maker.wake();
        }
        Ok(has_written || has_freed)
    }

    /// Whether anything was written.
    fn write_batch(&mut self) -> Result<bool, WalError> {
        let (bytes, records) = self.live.carry_size();
        let carry = match self.has_room(RECORD_HEADER_BYTES * records + bytes, 0)? {
            true => self.live.take_carry(),
            false => Vec::new(),
        };
        for (group, kind, index, body) in &carry {
            self.place(*kind, *group, *index, body)?;
        }
        let mut bytes = 0;
        let mut is_stalled = false;
        while bytes < BATCH_BYTES_MAX
            && let Some(op) = self.waiting.pop_front()
        {
            if !self.has_room_for(&op)? {
                self.waiting.push_front(op);
                is_stalled = true;
                break;
            }
            bytes += self.take(op)?;
        }
        if is_stalled {
            bytes += self.overtake()?;
        }
        self.shared.is_stalled.store(is_stalled, Ordering::Relaxed);
        let has_written = !carry.is_empty() || !self.in_flight.is_empty();
        self.flush()?;
        self.seal()?;

        let mut placed = std::mem::take(&mut self.placed);
        let mut next = 0;
        for (group, kind, index, body) in carry {
            self.live.set_mark(group, kind, index, body, placed[next].segment);
            next += 1;
        }
        for op in std::mem::take(&mut self.in_flight) {
            next += self.publish(op, &placed[next..]);
        }
        placed.clear();
        self.placed = placed;
        self.shared.release(bytes);
        Ok(has_written)
    }

    /// Encodes the operation. Returns what it weighs in the queue.
    fn take(&mut self, op: Op) -> Result<usize, WalError> {
        let bytes = op.bytes();
        self.in_flight.push(op);
        self.place_last()?;
        Ok(bytes)
    }

    /// Encodes the operation that was taken last.
    fn place_last(&mut self) -> Result<(), WalError> {
        let Some(op) = self.in_flight.pop() else {
            return Ok(());
        };
        let group = op.group.id;
        let result = match &op.action {
            Action::Append { first, bodies } => (*first..)
                .zip(bodies)
                .try_for_each(|(index, body)| self.place(RecordKind::Entry, group, index, body)),
            Action::Mark {
                kind, index, body, ..
            } => self.place(*kind, group, *index, body),
            Action::Truncate { end, .. } => self.place(RecordKind::Truncate, group, *end, &[]),
            Action::Forget { .. } => self.place(RecordKind::Forget, group, 0, &[]),
            Action::Seal | Action::Close => {
                self.seal_asked = true;
                Ok(())
            }
        };
        self.in_flight.push(op);
        result
    }

    /// Whether all of an operation can be placed. Entries leave a margin at the end of the last
    /// segment to what frees space.
    fn has_room_for(&mut self, op: &Op) -> Result<bool, WalError> {
        let margin = match op.action {
            Action::Append { .. } => MARGIN_BYTES_MAX.min(self.live.active().capacity / 8),
            _ => 0,
        };
        self.has_room(op.record_bytes(), margin)
    }

    /// Whether records of so many bytes can be placed, in the next segment if need be.
    fn has_room(&mut self, record_bytes: usize, margin: u64) -> Result<bool, WalError> {
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
    fn overtake(&mut self) -> Result<usize, WalError> {
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

    /// Adds a record to the batch; goes on to the next segment if this one cannot hold it.
    fn place(&mut self, kind: RecordKind, group: GroupId, index: u64, body: &[u8]) -> Result<(), WalError> {
        let needed = RECORD_HEADER_BYTES + body.len();
        let batch_bytes = |buffer: &Vec<u8>| aligned(buffer.len() + needed) as u64;
        while self.tail.position + batch_bytes(&self.buffer) > self.live.active().capacity {
            self.flush()?;
            self.rotate()?;
        }
        let segment = self.live.active();
        let offset = self.tail.position + self.buffer.len() as u64;
        self.placed.push(Location {
            segment: segment.sequence,
            offset: u32::try_from(offset).expect("segments are smaller than 4 GiB"),
            body_bytes: body.len() as u32,
        });
        encode_record(&mut self.buffer, segment.salt, kind, group.0, index, body);
        self.records += 1;
        Ok(())
    }

    /// Writes the batch and makes it durable.
    fn flush(&mut self) -> Result<(), WalError> {
        if self.records == 0 {
            return Ok(());
        }
        let segment = self.live.active();
        let header = BatchHeader {
            number: self.tail.next_batch,
            body_bytes: (self.buffer.len() - BATCH_HEADER_BYTES) as u32,
            records: self.records,
        };
        self.buffer[..BATCH_HEADER_BYTES].copy_from_slice(&header.encode(segment.salt));
        self.buffer.resize(aligned(self.buffer.len()), 0);
        let started = Instant::now();
        if planted(Bug::VoteUnsynced) && self.in_flight.iter().all(is_vote) {
            segment.write_unsynced(&self.buffer, self.tail.position)?;
        } else {
            segment.write(&self.buffer, self.tail.position)?;
        }
        let stats = BatchStats {
            records: u64::from(self.records),
            bytes: self.buffer.len() as u64,
            took: started.elapsed(),
        };
        self.shared.counters.count(stats);
        if let Some(observer) = &self.shared.options.observer {
            observer(stats);
        }
        self.tail.position += self.buffer.len() as u64;
        self.tail.next_batch += 1;
        self.buffer.truncate(BATCH_HEADER_BYTES);
        self.records = 0;
        Ok(())
    }

    fn seal(&mut self) -> Result<(), WalError> {
        let durable = self.tail.next_batch - 1;
        self.shared.seals.durable(durable);
        if std::mem::take(&mut self.seal_asked)
            && let Some(folder) = &mut self.folder
            && folder.sealed() < durable
        {
            folder.seal(durable)?;
            self.shared.seals.sealed(durable);
        }
        Ok(())
    }

    /// Goes on to the next segment.
    fn rotate(&mut self) -> Result<(), WalError> {
        self.prepare(Need::Now)?;
        let Some(next) = self.tail.next.take() else {
            // Operations are placed only if there is room. What is left are more marks to carry than
            // a segment holds.
            let full = io::Error::from(io::ErrorKind::StorageFull);
            let path = &self.live.active().path;
            return Err(WalError::io("go on after", path, full));
        };
        let next = Arc::new(next);
        self.shared.segments.write().insert(next.sequence, next.clone());
        self.live.advance(next);
        self.tail.position = SEGMENT_HEADER_BYTES;
        self.report_segments();
        Ok(())
    }

    fn prepare(&mut self, need: Need) -> Result<(), WalError> {
        if self.tail.next.is_none()
            && let Some(folder) = &mut self.folder
        {
            let sequence = self.live.active().sequence + 1;
            self.tail.next = folder.prepare(sequence, need)?;
        }
        Ok(())
    }

    /// Notes what became durable and calls who waited. Returns how many records it was.
    fn publish(&mut self, op: Op, placed: &[Location]) -> usize {
        let group = op.group.id;
        let records = match op.action {
            Action::Append { first, bodies } => {
                self.publish_entries(&op.group, first, &placed[..bodies.len()]);
                bodies.len()
            }
            Action::Mark {
                kind,
                index,
                body,
                dead,
            } => {
                self.live.set_mark(group, kind, index, body, placed[0].segment);
                self.live.remove_entries(&dead);
                1
            }
            Action::Truncate { dead, .. } => {
                op.group.state.lock().entries.cut_reached();
                self.live.remove_entries(&dead);
                1
            }
            Action::Forget { dead } => {
                self.live.remove_entries(&dead);
                self.live.forget(group);
                1
            }
            Action::Seal => 0,
            Action::Close => {
                self.close();
                0
            }
        };
        let settled = op.group.state.lock().hints.settle();
        if let Some(hint) = settled {
            self.live.hint_committed(group, hint);
        }
        if let Some(done) = op.done {
            done(Ok(()));
        }
        records
    }

    fn publish_entries(&mut self, group: &Arc<Group>, first: u64, placed: &[Location]) {
        let live = &mut self.live;
        let mut state = group.state.lock();
        state
            .entries
            .publish(first, placed, |segment| live.add_entry(segment));
        state.entries.evict_to(self.shared.options.group_cache_bytes);
        drop(state);
        let bytes = placed.iter().map(|at| at.body_bytes as usize).sum();
        let last = (first + placed.len() as u64).saturating_sub(1);
        self.window.push(group, last, bytes);
    }

    /// Frees what is not needed and prepares what will be, after the callers have their answers.
    /// Says whether it freed anything.
    fn tidy(&mut self) -> Result<bool, WalError> {
        let before = self.live.segments();
        self.recycle()?;
        // With nothing else to write, marks would hold their segments for as long as the log is idle.
        while self.folder.is_some() && self.live.is_held_by_marks() {
            if self.waiting.is_empty() {
                self.waiting = self.shared.take_queue();
            }
            if !self.waiting.is_empty() {
                break;
            }
            if !self.write_batch()? {
                break;
            }
            self.recycle()?;
        }
        let has_freed = self.live.segments() < before;
        self.report_segments();
        if self.tail.position > self.live.active().capacity / 2 {
            self.prepare(Need::Later)?;
        }
        Ok(has_freed)
    }

    fn recycle(&mut self) -> Result<(), WalError> {
        let Some(folder) = &mut self.folder else {
            return Ok(());
        };
        while let Some(unneeded) = self.live.take_unneeded() {
            self.shared.segments.write().remove(&unneeded.sequence);
            folder.recycle(&unneeded)?;
        }
        Ok(())
    }

    fn report_segments(&self) {
        let segments = self.live.segments() as u64;
        let gauge = &self.shared.counters.live_segments;
        gauge.store(segments, Ordering::Relaxed);
    }

    fn close(&mut self) {
        self.folder = None;
        self.refuse(&WalError::Closed);
    }

    fn fail(&mut self, error: WalError) {
        tracing::error!(%error, "the write-ahead log has failed and takes nothing more");
        let reason = error.to_string();
        self.folder = None;
        self.refuse(&WalError::Failed(reason.into()));
    }

    /// Ends the log and tells everybody who still waits, in order.
    fn refuse(&mut self, reason: &WalError) {
        let queued = self.shared.end(reason.clone());
        let mut bytes = 0;
        for op in self
            .in_flight
            .drain(..)
            .chain(self.waiting.drain(..))
            .chain(queued)
        {
            bytes += op.bytes();
            if let Some(done) = op.done {
                done(Err(reason.clone()));
            }
        }
        self.shared.release(bytes);
    }
}

impl Drop for Writer {
    /// The last handle is gone, or the thread is dying: nobody may wait for ever.
    fn drop(&mut self) {
        if self.folder.is_some() {
            self.refuse(&WalError::Failed("its writer has stopped".into()));
        }
    }
}

fn is_vote(op: &Op) -> bool {
    matches!(
        op.action,
        Action::Mark {
            kind: RecordKind::Vote,
            ..
        }
    )
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(BATCH_ALIGNMENT)
}
