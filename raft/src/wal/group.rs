//! One group's part of the log: the handle that its Raft instance writes and reads through.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::entries::Entries;
use super::error::WalError;
use super::format::RecordKind;
use super::hint::Hints;
use super::shared::{Action, Done, Op, Shared};
use crate::env::Waker;
use crate::types::{GroupId, LogIndex};

/// What memory knows of a group. It runs ahead of the disk by what is queued.
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) state: Mutex<GroupState>,
}

#[derive(Default)]
pub(super) struct GroupState {
    pub(super) entries: Entries,
    pub(super) vote: Option<Bytes>,
    /// The last purged index and the caller's description of it.
    pub(super) purged: Option<(LogIndex, Bytes)>,
    pub(super) committed: Option<Bytes>,
    pub(super) hints: Hints,
    pub(super) is_forgotten: bool,
}

impl GroupState {
    /// The index that the next entry must have; none if any will do.
    fn next_index(&self) -> Option<u64> {
        if !self.entries.is_empty() {
            return Some(self.entries.end());
        }
        self.purged.as_ref().map(|(last, _)| last.0 + 1)
    }
}

impl Group {
    pub(super) fn new(id: GroupId, state: GroupState) -> Arc<Group> {
        Arc::new(Group {
            id,
            state: Mutex::new(state),
        })
    }
}

/// A handle to one group's log; clones share it. Calls return once memory has taken the
/// operation; it is durable when its [`Done`] is called. All operations of a node become durable
/// in the order of the calls.
#[derive(Clone)]
pub struct GroupLog {
    pub(super) shared: Arc<Shared>,
    pub(super) group: Arc<Group>,
    pub(super) waker: Waker,
}

impl GroupLog {
    /// Whose log this is.
    pub fn id(&self) -> GroupId {
        self.group.id
    }

    /// Waits while more is queued than the node may hold in memory. Call it before appending.
    pub async fn room(&self) {
        self.shared.room().await;
    }

    /// Adds entries from index `first` on; they can be read at once.
    pub fn append(&self, first: LogIndex, bodies: Vec<Bytes>, done: Done) -> Result<(), WalError> {
        if let Some(body) = bodies
            .iter()
            .find(|body| body.len() > self.shared.options.body_bytes_max())
        {
            return Err(WalError::TooLarge { bytes: body.len() });
        }
        let mut state = self.lock()?;
        if let Some(expected) = state.next_index().filter(|next| *next != first.0) {
            return Err(WalError::Gap {
                group: self.group.id,
                index: first,
                expected: LogIndex(expected),
            });
        }
        let mut done = Some(done);
        let mut next = first.0;
        let mut rest = bodies.as_slice();
        while !rest.is_empty() || done.is_some() {
            let (part, others) = rest.split_at(self.shared.options.bodies_of_segment(rest));
            let action = Action::Append {
                first: next,
                bodies: part.to_vec(),
            };
            let is_last = others.is_empty();
            self.push(&mut state, action, done.take_if(|_| is_last))?;
            next += part.len() as u64;
            rest = others;
        }
        state.entries.append(first.0, &bodies);
        state.entries.evict_to(self.shared.options.group_cache_bytes);
        drop(state);
        self.waker.wake();
        Ok(())
    }

    /// Replaces the vote.
    pub fn save_vote(&self, vote: Bytes, done: Done) -> Result<(), WalError> {
        let mut state = self.lock()?;
        let action = Action::Mark {
            kind: RecordKind::Vote,
            index: 0,
            body: vote.clone(),
            dead: Vec::new(),
        };
        self.push(&mut state, action, Some(done))?;
        state.vote = Some(vote);
        drop(state);
        self.waker.wake();
        Ok(())
    }

    /// Notes how far the log is known to be committed. A hint: it becomes durable with a later
    /// batch, after everything that was queued before it, and costs no sync of its own.
    pub fn save_committed(&self, committed: Bytes) -> Result<(), WalError> {
        let mut state = self.lock()?;
        self.shared.check()?;
        state.hints.note(committed.clone());
        state.committed = Some(committed);
        Ok(())
    }

    /// Removes the entries after `last`, or all of them.
    pub fn truncate_after(&self, last: Option<LogIndex>) -> Result<(), WalError> {
        let mut state = self.lock()?;
        self.shared.check()?;
        let end = last.map_or(0, |last| last.0 + 1);
        if end >= state.entries.end() {
            return Ok(());
        }
        let dead = state.entries.truncate(end);
        self.push(&mut state, Action::Truncate { end, dead }, None)?;
        drop(state);
        self.waker.wake();
        Ok(())
    }

    /// Removes the entries up to `last`, which may lie beyond the end after a snapshot was
    /// installed. `description` comes back from [`GroupLog::purged`].
    pub fn purge(&self, last: LogIndex, description: Bytes) -> Result<(), WalError> {
        let mut state = self.lock()?;
        self.shared.check()?;
        if state.purged.as_ref().is_some_and(|(old, _)| *old >= last) {
            return Ok(());
        }
        let dead = state.entries.purge(last.0 + 1);
        state.purged = Some((last, description.clone()));
        let action = Action::Mark {
            kind: RecordKind::Purge,
            index: last.0,
            body: description,
            dead,
        };
        self.push(&mut state, action, None)?;
        drop(state);
        self.waker.wake();
        Ok(())
    }

    /// The latest vote.
    pub fn vote(&self) -> Option<Bytes> {
        self.group.state.lock().vote.clone()
    }

    /// The latest commit hint that is known.
    pub fn committed(&self) -> Option<Bytes> {
        self.group.state.lock().committed.clone()
    }

    /// The last purged index and its description.
    pub fn purged(&self) -> Option<(LogIndex, Bytes)> {
        self.group.state.lock().purged.clone()
    }

    /// The indexes of the entries that can be read.
    pub fn range(&self) -> Range<u64> {
        let state = self.group.state.lock();
        state.entries.first()..state.entries.end()
    }

    /// The index of the last entry, if there is one.
    pub fn last_index(&self) -> Option<LogIndex> {
        let range = self.range();
        (!range.is_empty()).then(|| LogIndex(range.end - 1))
    }

    /// Bytes of the entries that were not purged: what a checkpoint would free.
    pub fn bytes_since_purge(&self) -> u64 {
        self.group.state.lock().entries.live_bytes()
    }

    /// Bytes of the entries before `end` that were not purged.
    pub fn bytes_before(&self, end: LogIndex) -> u64 {
        self.group.state.lock().entries.bytes_before(end.0)
    }

    /// Where the last entries before `end` begin that have at most `bytes` together; `end` itself if
    /// already the last one has more.
    pub fn first_within(&self, end: LogIndex, bytes: u64) -> LogIndex {
        LogIndex(self.group.state.lock().entries.first_within(end.0, bytes))
    }

    /// Removes the group: see [`super::Wal::forget`].
    pub(super) fn forget(&self, done: Done) -> Result<(), WalError> {
        let mut state = self.lock()?;
        let end = state.entries.end();
        let dead = state.entries.purge(end);
        self.push(&mut state, Action::Forget { dead }, Some(done))?;
        *state = GroupState {
            is_forgotten: true,
            ..GroupState::default()
        };
        drop(state);
        self.waker.wake();
        Ok(())
    }

    fn lock(&self) -> Result<parking_lot::MutexGuard<'_, GroupState>, WalError> {
        let state = self.group.state.lock();
        if state.is_forgotten {
            return Err(WalError::Forgotten(self.group.id));
        }
        Ok(state)
    }

    fn push(&self, state: &mut GroupState, action: Action, done: Option<Done>) -> Result<(), WalError> {
        self.shared.push(Op {
            group: self.group.clone(),
            action,
            done,
        })?;
        state.hints.queue();
        Ok(())
    }
}
