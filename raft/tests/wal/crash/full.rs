//! A disk that fills up: the log waits, and what frees space is still written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::{LogSpace, WalOptions};

use super::disk::{CrashDisk, Plan};
use super::hand::Process;
use crate::support::Dice;

const SEGMENT: usize = WalOptions::SEGMENT_BYTES_MIN as usize;
const FILLED: GroupId = GroupId(1);

/// A process whose disk has space for so many segments, and how far its entries are durable.
struct Filling {
    disk: CrashDisk,
    process: Process,
    next: u64,
    durable: Arc<AtomicU64>,
}

impl Filling {
    fn start(segments: usize) -> Filling {
        let disk = CrashDisk::planned(Plan::Never);
        // The identity and the manifest have a little more than two blocks.
        disk.limit(Some(segments * SEGMENT + 3 * 4096));
        let process = Process::start(&disk).unwrap();
        Filling {
            disk,
            process,
            next: 1,
            durable: Arc::default(),
        }
    }

    fn work(&self) {
        self.process.hand.work();
        self.process.wal.tend().unwrap();
        self.process.hand.work();
    }

    fn append(&mut self) {
        let (durable, index) = (self.durable.clone(), self.next);
        let done = move |result: Result<(), _>| {
            // Those that still wait when the process ends.
            if result.is_err() {
                return;
            }
            assert_eq!(durable.swap(index, Ordering::Relaxed) + 1, index, "in order");
        };
        let body = Bytes::from(vec![index as u8; 3_000]);
        let log = self.process.wal.group(FILLED);
        log.append(LogIndex(index), vec![body], Box::new(done)).unwrap();
        self.next += 1;
        self.work();
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }

    /// Appends until entries wait. Says how many were written after the disk was full.
    fn fill(&mut self) -> u64 {
        let mut full_since = None;
        while self.process.wal.space() != LogSpace::Full {
            assert!(self.next < 1_000, "the disk never fills");
            self.append();
            if self.process.wal.space() != LogSpace::Ample {
                full_since.get_or_insert(self.durable());
            }
        }
        self.durable() - full_since.unwrap()
    }

    fn vote(&self, group: GroupId, vote: &'static str) -> bool {
        let saved = Arc::new(AtomicU64::new(0));
        let count = saved.clone();
        let done = move |result: Result<(), _>| {
            result.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        };
        let log = self.process.wal.group(group);
        log.save_vote(Bytes::from_static(vote.as_bytes()), Box::new(done))
            .unwrap();
        self.work();
        saved.load(Ordering::Relaxed) == 1
    }

    /// What a loss of power leaves has all that was acknowledged, and votes.
    fn check_crash(&self, seed: u64, votes: &[(GroupId, &str)]) {
        let crashed = self.disk.fork();
        crashed.power_loss(&mut Dice(seed));
        let process = Process::start(&crashed).unwrap();
        let log = process.wal.group(FILLED);
        let purged = log.purged().map_or(0, |(last, _)| last.0);
        let last = log.last_index().map_or(purged, |last| last.0);
        assert!(last >= self.durable(), "{last} of {}", self.durable());
        for (group, vote) in votes {
            assert_eq!(process.wal.group(*group).vote().unwrap(), *vote);
        }
    }
}

#[test]
fn a_full_disk_ends_nothing_and_can_be_emptied() {
    let mut filling = Filling::start(10);
    let in_reserve = filling.fill();
    // Two segments of five entries each, less what was left of the one before.
    assert!(in_reserve >= 5, "{in_reserve} entries went into the reserve");
    let durable = filling.durable();
    assert!(filling.process.wal.failed().is_none());
    filling.append();
    filling.append();
    assert_eq!(filling.durable(), durable, "entries wait");

    // Votes pass those who wait, of their own group as well as of others.
    let votes = [(FILLED, "of the group that waits"), (GroupId(2), "of another")];
    for (group, vote) in votes {
        assert!(filling.vote(group, vote));
    }
    filling.check_crash(1, &votes);

    // A purge passes them, too, and makes the room that they wait for.
    let log = filling.process.wal.group(FILLED);
    log.purge(LogIndex(durable / 2), Bytes::new()).unwrap();
    filling.work();
    filling.work();
    assert_eq!(filling.durable(), filling.next - 1);
    assert_ne!(filling.process.wal.space(), LogSpace::Full);
    filling.check_crash(2, &votes);

    // Again and again: nothing is lost by the way.
    for round in 0..5 {
        filling.fill();
        filling.check_crash(3 + round, &votes);
        let log = filling.process.wal.group(FILLED);
        log.purge(LogIndex(filling.durable() - 3), Bytes::new()).unwrap();
        filling.work();
        filling.work();
        assert_eq!(filling.durable(), filling.next - 1, "round {round}");
    }
    assert!(filling.process.wal.failed().is_none());
}

#[test]
fn the_log_goes_on_by_itself_once_the_disk_has_space() {
    let mut filling = Filling::start(8);
    filling.fill();
    let waiting = filling.next - 1;
    assert!(filling.durable() < waiting);
    filling.work();
    assert_eq!(filling.process.wal.space(), LogSpace::Full);

    filling.disk.limit(None);
    for _ in 0..4 {
        filling.work();
    }
    assert_eq!(filling.durable(), waiting);
    assert_eq!(filling.process.wal.space(), LogSpace::Ample);
    (0..50).for_each(|_| filling.append());
    assert_eq!(filling.durable(), filling.next - 1);
    filling.check_crash(1, &[]);
}

#[test]
fn a_log_opens_on_a_full_disk() {
    let mut filling = Filling::start(8);
    filling.fill();
    let limit = filling.disk.used();
    filling.check_crash(1, &[]);
    let crashed = filling.disk.fork();
    crashed.power_loss(&mut Dice(2));
    crashed.limit(Some(limit));
    let process = Process::start(&crashed).unwrap();
    let log = process.wal.group(FILLED);
    let last = log.last_index().unwrap();
    log.purge(last, Bytes::new()).unwrap();
    log.append(
        LogIndex(last.0 + 1),
        vec![Bytes::from(vec![1; 3_000])],
        Box::new(|r| r.unwrap()),
    )
    .unwrap();
    for _ in 0..3 {
        process.wal.tend().unwrap();
        process.hand.work();
    }
    assert_ne!(process.wal.space(), LogSpace::Full);
    assert!(process.wal.failed().is_none());
}
