//! Opening, appending and waiting in one call each, and a random generator with a fixed seed.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use bytes::Bytes;
use raft::env::Env;
use raft::types::{GroupId, LogIndex};
use raft::wal::{Done, GroupLog, Wal, WalError, WalOptions};

/// Options that turn every bound into something a test reaches.
pub(crate) fn small() -> WalOptions {
    WalOptions {
        segment_bytes: WalOptions::SEGMENT_BYTES_MIN,
        live_segments_budget: 3,
        group_cache_bytes: 2_000,
        node_cache_bytes: 6_000,
        ..WalOptions::default()
    }
}

pub(crate) fn try_open(dir: &Path) -> Result<Wal, WalError> {
    Wal::open(&Env::real().unwrap(), dir, small())
}

pub(crate) fn open(dir: &Path) -> Wal {
    try_open(dir).unwrap()
}

/// A callback and the other end of it.
pub(crate) fn done() -> (Done, mpsc::Receiver<Result<(), WalError>>) {
    let (sender, receiver) = mpsc::channel();
    (Box::new(move |result| sender.send(result).unwrap()), receiver)
}

/// Appends and waits for the disk.
pub(crate) fn append(log: &GroupLog, first: u64, bodies: &[&str]) {
    let bodies = bodies.iter().map(|body| Bytes::copy_from_slice(body.as_bytes()));
    let (done, durable) = done();
    log.append(LogIndex(first), bodies.collect(), done).unwrap();
    durable.recv().unwrap().unwrap();
}

pub(crate) fn vote(log: &GroupLog, vote: &str) {
    let (done, durable) = done();
    log.save_vote(Bytes::copy_from_slice(vote.as_bytes()), done)
        .unwrap();
    durable.recv().unwrap().unwrap();
}

/// All entries, as text.
pub(crate) fn entries(wal: &Wal, group: u64) -> Vec<(u64, String)> {
    let run = wal.group(GroupId(group)).read(0..u64::MAX, usize::MAX).unwrap();
    let texts = run
        .bodies
        .iter()
        .map(|body| String::from_utf8(body.to_vec()).unwrap());
    (run.first.0..).zip(texts).collect()
}

/// The segment files.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "wal"))
        .collect();
    files.sort();
    files
}

/// A copy of the folder as it is now: what a crash would leave.
pub(crate) fn copy(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        // Files that are made ahead come and go by themselves, and hold nothing.
        if file
            .path()
            .extension()
            .is_some_and(|end| end == "new" || end == "spare")
        {
            continue;
        }
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// Where the last byte that is not zero lies.
pub(crate) fn end_of_data(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

pub(crate) fn flip(path: &Path, offset: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 0x55;
    std::fs::write(path, bytes).unwrap();
}

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
