//! A random workload that is the same in each run, and what the log may say after a crash within it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use openraft::EntryPayload;
use raft::group::entry::{Entry, LogId, encode_entry, encode_log_id};
use raft::group::types::{Payload, log_id};
use raft::level::Level;
use raft::types::{GroupId, LogIndex};
use raft::wal::{Done, Wal};

use crate::support::Dice;

pub(crate) const GROUPS: u64 = 4;

/// What a log says of one group, commit hints aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) entries: BTreeMap<u64, Bytes>,
    pub(crate) purged: Option<(u64, Bytes)>,
    pub(crate) vote: Option<Bytes>,
}

pub(crate) type State = BTreeMap<u64, Said>;

/// What the log says.
pub(crate) fn state(wal: &Wal) -> State {
    let said = |group| {
        let log = wal.group(GroupId(group));
        let run = log.read(0..u64::MAX, usize::MAX).unwrap();
        Said {
            entries: (run.first.0..).zip(run.bodies).collect(),
            purged: log.purged().map(|(last, description)| (last.0, description)),
            vote: log.vote(),
        }
    };
    (0..GROUPS).map(|group| (group, said(group))).collect()
}

/// The workload as far as it has come.
pub(crate) struct Script {
    wal: Wal,
    dice: Dice,
    term: u64,
    /// What the log says after each operation; the first is the empty log.
    states: Vec<State>,
    /// Of each group, the last entry that is committed.
    committed: BTreeMap<u64, u64>,
    /// Entries that were committed at any time.
    pub(crate) truth: BTreeSet<(u64, LogId)>,
    /// How many operations are known to be durable.
    acknowledged: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new(wal: &Wal, seed: u64) -> Script {
        Script {
            wal: wal.clone(),
            dice: Dice(seed),
            term: 1,
            states: vec![(0..GROUPS).map(|group| (group, Said::default())).collect()],
            committed: BTreeMap::new(),
            truth: BTreeSet::new(),
            acknowledged: Arc::default(),
        }
    }

    /// Queues a few operations. The log may have ended: then nothing is added to the story.
    pub(crate) fn some_operations(&mut self, bound: u64) {
        for _ in 0..self.dice.below(bound + 1) {
            let mut state = self.states.last().unwrap().clone();
            if self.operation(&mut state).is_some() {
                self.states.push(state);
            }
        }
    }

    /// Whether a log that says this after a crash has lost nothing and invented nothing.
    pub(crate) fn allows(&self, found: &State) -> bool {
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let possible = &self.states[acknowledged..];
        possible.contains(found)
            || possible
                .windows(2)
                .any(|pair| is_between(found, &pair[0], &pair[1]))
    }

    fn operation(&mut self, state: &mut State) -> Option<()> {
        let group = self.dice.below(GROUPS);
        let said = state.get_mut(&group).unwrap();
        match self.dice.below(40) {
            0..20 => self.append(group, said),
            20..24 => self.vote(group, said),
            24..31 => self.commit(group, said),
            31..34 => self.truncate(group, said),
            34..39 => self.purge(group, said),
            _ => {
                self.committed.remove(&group);
                *said = Said::default();
                match self.wal.forget(GroupId(group)).now_or_never() {
                    Some(Err(_)) => None,
                    _ => Some(()),
                }
            }
        }
    }

    fn append(&mut self, group: u64, said: &mut Said) -> Option<()> {
        let first = last(said).map_or(0, |last| last + 1);
        let mut bodies = Vec::new();
        for index in first..=first + self.dice.below(3) {
            let payload = vec![self.dice.below(256) as u8; self.dice.below(3_000) as usize];
            bodies.push(encode_entry(&Entry {
                log_id: log_id(self.term, index),
                payload: EntryPayload::Normal(Payload {
                    batch: Bytes::from(payload),
                    level: Level::ZERO,
                }),
            }));
        }
        said.entries.extend((first..).zip(bodies.iter().cloned()));
        let done = self.done();
        let log = self.wal.group(GroupId(group));
        log.append(LogIndex(first), bodies, done).ok()?;
        // The other replicas may have it on disk before this one has begun to write it.
        if self.dice.below(3) == 0 {
            self.commit(group, said);
        }
        Some(())
    }

    fn vote(&mut self, group: u64, said: &mut Said) -> Option<()> {
        self.term += 1;
        let vote = raft::group::entry::encode_vote(&raft::group::entry::Vote::new(
            self.term,
            raft::types::NodeId(1),
        ));
        said.vote = Some(vote.clone());
        let done = self.done();
        self.wal.group(GroupId(group)).save_vote(vote, done).ok()
    }

    fn commit(&mut self, group: u64, said: &mut Said) -> Option<()> {
        let from = self.committed.get(&group).map_or(0, |last| last + 1);
        let open: Vec<u64> = said.entries.range(from..).map(|(index, _)| *index).collect();
        let skipped = self.dice.below(2).min(open.len() as u64) as usize;
        let last = *open.iter().nth_back(skipped)?;
        for index in open.into_iter().filter(|index| *index <= last) {
            self.truth.insert((group, id_of(&said.entries[&index])));
        }
        self.committed.insert(group, last);
        let hint = encode_log_id(&id_of(&said.entries[&last]));
        self.wal.group(GroupId(group)).save_committed(hint).ok()
    }

    /// Another leader has other entries: those that are not committed go.
    fn truncate(&mut self, group: u64, said: &mut Said) -> Option<()> {
        let oldest = said.entries.keys().next()?;
        let from = self.committed.get(&group).map_or(*oldest, |last| last + 1);
        let until = last(said)?;
        let keep = from + self.dice.below(until.saturating_sub(from) + 2);
        said.entries.split_off(&keep);
        self.term += 1;
        let last = keep.checked_sub(1).map(LogIndex);
        self.wal.group(GroupId(group)).truncate_after(last).ok()
    }

    /// Behind what is committed, or, as after a snapshot was installed, beyond the end.
    fn purge(&mut self, group: u64, said: &mut Said) -> Option<()> {
        let committed = *self.committed.get(&group)?;
        let purged = said.purged.as_ref().map(|(last, _)| *last);
        let upto = if self.dice.below(8) == 0 {
            let upto = last(said)? + 1 + self.dice.below(3);
            self.truth.insert((group, log_id(self.term, upto)));
            self.committed.insert(group, upto);
            said.entries.clear();
            upto
        } else {
            committed.saturating_sub(self.dice.below(3))
        };
        if purged.is_some_and(|purged| upto <= purged) {
            return None;
        }
        let id = match said.entries.get(&upto) {
            Some(body) => id_of(body),
            None => log_id(self.term, upto),
        };
        let description = encode_log_id(&id);
        said.entries = said.entries.split_off(&(upto + 1));
        said.purged = Some((upto, description.clone()));
        self.wal
            .group(GroupId(group))
            .purge(LogIndex(upto), description)
            .ok()
    }

    /// To be called when the operation that is being made is durable.
    fn done(&self) -> Done {
        let (acknowledged, number) = (self.acknowledged.clone(), self.states.len());
        Box::new(move |result| {
            if result.is_ok() {
                acknowledged.fetch_max(number, Ordering::Relaxed);
            }
        })
    }
}

pub(crate) fn id_of(body: &Bytes) -> LogId {
    raft::group::entry::decode_entry(body.clone()).unwrap().log_id
}

fn last(said: &Said) -> Option<u64> {
    let purged = said.purged.as_ref().map(|(last, _)| *last);
    said.entries.keys().next_back().copied().or(purged)
}

/// An append of several entries may be split between two batches: then its beginning is there.
fn is_between(found: &State, before: &State, after: &State) -> bool {
    let starts = |short: &Said, long: &Said| {
        let mut entries = short.entries.iter();
        entries.all(|(index, body)| long.entries.get(index) == Some(body))
    };
    (0..GROUPS).all(|group| {
        let (found, before, after) = (&found[&group], &before[&group], &after[&group]);
        found == before
            || found == after
            || ((&found.vote, &found.purged) == (&before.vote, &before.purged)
                && starts(before, found)
                && starts(found, after))
    })
}
