//! Write-ahead logs on a disk in memory: written from a recipe, opened, and compared.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::{Done, GroupLog, Wal, WalError, WalOptions};

use crate::disk::{Files, MemoryDisk, Work, env};
use crate::recipe::Recipe;

/// Where the log is.
pub const FOLDER: &str = "/log";
const OPERATIONS_MAX: usize = 32;
const GROUPS: u64 = 3;

/// What a log says of one group.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Group {
    first: u64,
    entries: Vec<Bytes>,
    vote: Option<Bytes>,
    purged: Option<(LogIndex, Bytes)>,
}

impl Group {
    fn at(&self, index: u64) -> Option<&Bytes> {
        let place = index.checked_sub(self.first)?;
        self.entries.get(usize::try_from(place).ok()?)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().map(|body| (body.first(), body.len()));
        write!(f, "from {}: {:?}", self.first, entries.collect::<Vec<_>>())?;
        write!(f, ", vote {:?}, purged {:?}", self.vote, self.purged)
    }
}

/// What a log says. Commit hints are left out: they may be late.
pub type State = BTreeMap<GroupId, Group>;

/// An open log.
pub struct Log {
    wal: Wal,
    work: Work,
}

impl Log {
    /// Opens the log on this disk.
    pub fn open(disk: &MemoryDisk) -> Result<Log, WalError> {
        let work = Work::default();
        let options = WalOptions {
            segment_bytes: WalOptions::SEGMENT_BYTES_MIN,
            live_segments_budget: 3,
            group_cache_bytes: 2_000,
            node_cache_bytes: 6_000,
            ..WalOptions::default()
        };
        let wal = Wal::open(&env(disk, &work), Path::new(FOLDER), options)?;
        Ok(Log { wal, work })
    }

    /// What it says.
    pub fn state(&self) -> State {
        let group = |id| {
            let log = self.wal.group(id);
            let run = log
                .read(0..u64::MAX, usize::MAX)
                .expect("what was found can be read");
            assert_eq!(run.bodies.len() as u64, log.range().end - log.range().start);
            Group {
                first: if run.bodies.is_empty() { 0 } else { run.first.0 },
                entries: run.bodies,
                vote: log.vote(),
                purged: log.purged(),
            }
        };
        let groups = self.wal.groups().into_iter().map(|id| (id, group(id)));
        groups.filter(|(_, group)| *group != Group::default()).collect()
    }

    /// Adds an entry to a group, whatever it holds, and waits for it.
    pub fn append_one(&self, id: GroupId, body: &'static [u8]) {
        let log = self.wal.group(id);
        self.append(&log, next_index(&log), vec![Bytes::from_static(body)]);
    }

    /// Ends it in good order.
    pub fn close(self) {
        self.finish(self.wal.close()).expect("it can be closed");
    }

    fn append(&self, log: &GroupLog, first: u64, bodies: Vec<Bytes>) {
        let (done, result) = done();
        log.append(LogIndex(first), bodies, done).expect("it is next");
        self.work.run_all();
        assert!(matches!(taken(&result), Some(Ok(()))), "it is on disk");
    }

    fn operation(&self, recipe: &mut Recipe) {
        let id = GroupId(1 + recipe.below(GROUPS as usize) as u64);
        let log = self.wal.group(id);
        let short = || Bytes::from_static(b"note");
        match recipe.below(16) {
            0 => {
                let (done, result) = done();
                log.save_vote(Bytes::copy_from_slice(&[recipe.byte()]), done)
                    .expect("it works");
                self.work.run_all();
                assert!(matches!(taken(&result), Some(Ok(()))), "it is on disk");
            }
            1 => log.save_committed(short()).expect("it works"),
            2 => {
                let last = log.last_index().map_or(0, |last| last.0);
                let last = last.saturating_sub(recipe.below(4) as u64);
                log.truncate_after(Some(LogIndex(last))).expect("it works");
            }
            3..=5 => {
                let range = log.range();
                let last = range.start + recipe.below(4 + (range.end - range.start) as usize) as u64;
                log.purge(LogIndex(last), short()).expect("it works");
            }
            6 => self.finish(self.wal.forget(id)).expect("it works"),
            _ => {
                let body = vec![recipe.byte(); *recipe.pick(&[0, 1, 7, 100, 900, 3_000])];
                let bodies = vec![Bytes::from(body); 1 + recipe.below(3)];
                self.append(&log, next_index(&log), bodies);
            }
        }
        self.work.run_all();
    }

    fn finish<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            self.work.run_all();
        }
        panic!("the writer has answered nobody");
    }
}

/// A log as it lies on disk, and all that it may have said, from before the first operation on.
pub fn write(recipe: &mut Recipe) -> (Files, Vec<State>) {
    let disk = MemoryDisk::default();
    let log = Log::open(&disk).expect("an empty folder becomes a log");
    let mut states = vec![State::new()];
    for _ in 0..recipe.below(OPERATIONS_MAX) {
        log.operation(recipe);
        let (before, after) = (states.last().cloned().unwrap_or_default(), log.state());
        states.extend(between(before, &after));
        states.push(after);
    }
    if recipe.chance(50) {
        log.close();
    }
    (disk.files(), states)
}

/// What a log may say while entries are appended one by one: they may be on both sides of a segment's end.
fn between(before: State, after: &State) -> Vec<State> {
    let mut states = vec![before];
    for (id, group) in after {
        let entries = &group.entries;
        let had = states[0].get(id).map_or(0, |group| group.entries.len());
        for length in had + 1..entries.len() {
            let mut state = after.clone();
            state
                .entry(*id)
                .and_modify(|group| group.entries.truncate(length));
            states.push(state);
        }
    }
    states.split_off(1)
}

/// Whether a log says nothing that it never said: no entry, vote or purge that is not in one of these states.
pub fn is_made_of(found: &State, states: &[State]) -> bool {
    found.iter().all(|(id, group)| {
        let known: Vec<&Group> = states.iter().filter_map(|state| state.get(id)).collect();
        let entries = (group.first..).zip(&group.entries);
        let mut entries =
            entries.map(|(index, body)| known.iter().any(|known| known.at(index) == Some(body)));
        entries.all(|is_known| is_known)
            && (group.vote.is_none() || known.iter().any(|known| known.vote == group.vote))
            && (group.purged.is_none() || known.iter().any(|known| known.purged == group.purged))
    })
}

/// How the first segment begins, with its header and that of its first batch, if it was never given back. A log that
/// still has this much has all that came before its end.
pub fn beginning(files: &Files) -> Option<(&PathBuf, &[u8])> {
    let first = [b"MILLRSEG".as_slice(), &1_u64.to_le_bytes()];
    let is_first = |bytes: &[u8]| bytes.starts_with(first[0]) && bytes.get(24..32) == Some(first[1]);
    let (path, bytes) = files.iter().find(|(_, bytes)| is_first(bytes))?;
    Some((path, &bytes[..bytes.len().min(4096 + 24)]))
}

fn next_index(log: &GroupLog) -> u64 {
    let after_purge = log.purged().map_or(1, |(last, _)| last.0 + 1);
    log.last_index().map_or(after_purge, |last| last.0 + 1)
}

type Slot = Arc<Mutex<Option<Result<(), WalError>>>>;

fn done() -> (Done, Slot) {
    let slot = Slot::default();
    let filled = slot.clone();
    let fill = move |result| *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    (Box::new(fill), slot)
}

fn taken(slot: &Slot) -> Option<Result<(), WalError>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
