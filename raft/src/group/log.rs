//! openraft's log storage on top of the node's write-ahead log.
//!
//! It translates and nothing else: entries to bytes and back, flush callbacks, errors. Order,
//! durability and space are the business of [`crate::wal`].

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use futures::stream::{self, Stream};
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use tokio::sync::oneshot;

use super::entry::{
    Entry, LogId, Vote, decode_entry, decode_log_id, decode_vote, encode_entry, encode_log_id, encode_vote,
};
use super::types::TypeConfig;
use crate::env::Io;
use crate::planted::{Bug, planted};
use crate::types::LogIndex;
use crate::wal::{GroupLog, WalError};
use crate::witness::{EntryMark, Witness};

/// How much one replication message carries at most, unless a single entry is larger.
const READ_BYTES_MAX: usize = 1024 * 1024;

/// One group's log as openraft wants it. Clones share it, readers are clones.
#[derive(Clone)]
pub struct LogStore {
    log: GroupLog,
    io: Io,
    witness: Option<Arc<dyn Witness>>,
}

impl LogStore {
    /// Wraps a group's part of the write-ahead log. What is not in memory any more is read through
    /// `io`.
    pub fn new(log: GroupLog, io: Io) -> LogStore {
        LogStore {
            log,
            io,
            witness: None,
        }
    }

    /// The same log, watched.
    pub(super) fn watched(self, witness: Option<Arc<dyn Witness>>) -> LogStore {
        LogStore { witness, ..self }
    }

    /// The group's part of the write-ahead log.
    pub fn wal(&self) -> &GroupLog {
        &self.log
    }

    /// The index of the last purged entry, if any was purged: a state that was applied less far than
    /// this cannot be brought up to date from the log.
    pub fn last_purged_index(&self) -> Option<u64> {
        self.log.purged().map(|(last, _)| last.0)
    }

    /// Takes everything after `last` off the log, or all of it.
    pub(super) fn cut_after(&self, last: Option<LogIndex>) -> io::Result<()> {
        if let Some(witness) = &self.witness {
            witness.truncated(self.log.id(), last);
        }
        Ok(self.log.truncate_after(last)?)
    }

    /// Lets go of all entries. What is left says that they were purged, up to the last one, and what
    /// was voted.
    pub(crate) async fn let_go(&mut self) -> io::Result<()> {
        match self.get_log_state().await?.last_log_id {
            Some(last) => RaftLogStorage::purge(self, last).await,
            None => Ok(()),
        }
    }

    async fn entries(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let run = match self.log.read_from_memory(start..end, max_bytes) {
            Some(run) => run,
            None => {
                let log = self.log.clone();
                let read = move || log.read(start..end, max_bytes).map_err(io::Error::from);
                self.io.run(read).await??
            }
        };
        let first = run.first.0;
        let entries = (first..).zip(run.bodies).map(|(index, body)| {
            decode_entry(body).map_err(|error| {
                let reason = error.to_string();
                io::Error::new(error.kind(), BadEntry { index, reason })
            })
        });
        entries.collect()
    }

    fn last_purged(&self) -> io::Result<Option<LogId>> {
        match self.log.purged() {
            Some((_, description)) => Ok(Some(decode_log_id(description)?)),
            None => Ok(None),
        }
    }
}

/// An entry that was read well from the disk, and that this version cannot decode.
#[derive(Debug, thiserror::Error)]
#[error("log entry {index} cannot be decoded: {reason}")]
pub(super) struct BadEntry {
    pub(super) index: u64,
    reason: String,
}

impl BadEntry {
    /// The bad entry that an error is about, if it is about one.
    pub(super) fn of(error: &io::Error) -> Option<&BadEntry> {
        error.get_ref()?.downcast_ref()
    }
}

/// What tells one entry from another.
pub(super) fn mark(log_id: &LogId, body: &[u8]) -> EntryMark {
    EntryMark {
        index: LogIndex(log_id.index),
        term: *log_id.leader_id,
        checksum: crc32c::crc32c(body),
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (start, end) = bounds(&range);
        self.entries(start, end, usize::MAX).await
    }

    /// What is applied comes through here: piece by piece, because after a restart it may be
    /// everything since the last checkpoint.
    async fn entries_stream<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend {
        let (start, end) = bounds(&range);
        let state = (self.clone(), start, Vec::new().into_iter());
        stream::try_unfold(state, move |(store, next, mut piece)| async move {
            if let Some(entry) = piece.next() {
                return Ok(Some((entry, (store, next, piece))));
            }
            let mut piece = store.entries(next, end, READ_BYTES_MAX).await?.into_iter();
            let Some(last) = piece.as_slice().last() else {
                return Ok(None);
            };
            let next = last.log_id().index() + 1;
            Ok(piece.next().map(|entry| (entry, (store, next, piece))))
        })
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        match self.log.vote() {
            Some(vote) => Ok(Some(decode_vote(vote)?)),
            None => Ok(None),
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.entries(start, end, READ_BYTES_MAX).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let last_purged_log_id = self.last_purged()?;
        let last = match self.log.last_index() {
            Some(last) => self.entries(last.0, last.0 + 1, usize::MAX).await?.pop(),
            None => None,
        };
        Ok(LogState {
            last_log_id: last.map(|entry| entry.log_id()).or(last_purged_log_id),
            last_purged_log_id,
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, durable) = oneshot::channel();
        let answer = Box::new(move |result| drop(done.send(result)));
        self.log.save_vote(encode_vote(vote), answer)?;
        durable.await.unwrap_or(Err(WalError::Closed))?;
        if let Some(witness) = &self.witness {
            let (term, candidate) = (vote.leader_id.term, vote.leader_id.voted_for);
            witness.voted(self.log.id(), term, candidate, vote.committed);
        }
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            self.log.save_committed(encode_log_id(&committed))?;
        }
        Ok(())
    }

    /// The hint counts only if the log has the entry that it names. Logs of earlier versions may hold
    /// a hint that became durable before its entry, or before a truncation that made room for it.
    /// What is purged is committed for certain.
    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let Some(hint) = self.log.committed() else {
            return Ok(None);
        };
        let hint = decode_log_id(hint)?;
        let purged = self.last_purged()?;
        if planted(Bug::HintAhead) || purged.is_some_and(|purged| hint.index <= purged.index) {
            return Ok(Some(hint));
        }
        let named = self.entries(hint.index, hint.index + 1, usize::MAX).await?.pop();
        if named.is_some_and(|entry| entry.log_id == hint) {
            return Ok(Some(hint));
        }
        tracing::warn!(group = %self.log.id(), %hint, "the log lacks the entry that its commit hint names");
        Ok(purged)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut first = None;
        let mut bodies = Vec::new();
        let mut marks = Vec::new();
        for entry in entries {
            first.get_or_insert(entry.log_id().index());
            let body = encode_entry(&entry);
            if self.witness.is_some() {
                marks.push(mark(&entry.log_id, &body));
            }
            bodies.push(body);
        }
        let Some(first) = first else {
            callback.io_completed(Ok(()));
            return Ok(());
        };
        self.log.room().await;
        if let Some(witness) = &self.witness {
            witness.appended(self.log.id(), &marks);
        }
        let last = LogIndex(first + bodies.len() as u64 - 1);
        let (witness, group) = (self.witness.clone(), self.log.id());
        let answer = move |result: Result<(), WalError>| {
            if let (Some(witness), Ok(())) = (witness, &result) {
                witness.durable(group, last);
            }
            callback.io_completed(result.map_err(io::Error::from));
        };
        if planted(Bug::AckBeforeWrite) {
            self.log.append(LogIndex(first), bodies, Box::new(drop))?;
            answer(Ok(()));
            return Ok(());
        }
        Ok(self.log.append(LogIndex(first), bodies, Box::new(answer))?)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        self.cut_after(last_log_id.map(|last| LogIndex(last.index())))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let last = LogIndex(log_id.index());
        Ok(self.log.purge(last, encode_log_id(&log_id))?)
    }
}
