//! A crash within each write, sync and change of a name that the log's writer makes.
//!
//! The calls of a workload are counted once. Then the workload is played again for each of them, and
//! ends there: by `kill -9`, by a loss of power, or because the sync failed. Whatever is left must
//! open, must have all that was acknowledged, and must be what openraft can start on.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use raft::group::entry::decode_log_id;
use raft::types::{GroupId, LogIndex};
use raft::wal::Wal;

mod disk;
mod full;
mod hand;
mod raft_start;
mod script;

use disk::{CrashDisk, Plan};
use hand::Process;
use script::{GROUPS, Script, State, id_of, state};

use crate::support::Dice;

const ROUNDS: usize = 25;
/// Of so many crashes, one has openraft started on what is left.
const STARTS: u64 = 4;

/// A process that plays the workload `seed` on this disk, until the end or until the disk fails.
fn play(disk: &CrashDisk, seed: u64) -> Option<Arc<Mutex<Script>>> {
    let process = Process::start(disk).ok()?;
    let script = Arc::new(Mutex::new(Script::new(&process.wal, seed)));
    let others = script.clone();
    // Other threads go on while the writer waits for the disk.
    disk.on_sync(move || others.lock().some_operations(2));
    for _ in 0..ROUNDS {
        script.lock().some_operations(3);
        process.hand.work();
    }
    disk.restart();
    Some(script)
}

/// How many calls of the disk the workload makes.
fn calls(seed: u64) -> u64 {
    let disk = CrashDisk::default();
    play(&disk, seed).expect("nothing fails");
    disk.calls()
}

/// Opens what is left, and checks it. None if the process had not got as far as to have a log.
fn check(disk: &CrashDisk, script: Option<&Arc<Mutex<Script>>>, what: &str) -> State {
    let process = Process::start(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = state(&process.wal);
    if let Some(script) = script {
        let script = script.lock();
        assert!(script.allows(&found), "{what}: {found:#?}");
        (0..GROUPS).for_each(|group| check_hint(&process.wal, &script, group, what));
    }
    found
}

/// A hint names an entry that is committed, and that the log has or had.
fn check_hint(wal: &Wal, script: &Script, group: u64, what: &str) {
    let log = wal.group(GroupId(group));
    let Some(hint) = log.committed() else { return };
    let hint = decode_log_id(hint).unwrap();
    assert!(script.truth.contains(&(group, hint)), "{what}: {hint}");
    if log.purged().is_none_or(|(purged, _)| hint.index > purged.0) {
        let run = log.read(hint.index..hint.index + 1, usize::MAX).unwrap();
        let named = run.bodies.first().map(id_of);
        assert_eq!(
            named,
            Some(hint),
            "{what}: group {group} lacks what its hint names"
        );
    }
}

/// openraft starts in each group, and applies nothing that was not committed.
async fn check_start(disk: &CrashDisk, script: &Arc<Mutex<Script>>, what: &str) {
    let process = Process::start(disk).unwrap();
    for group in 0..GROUPS {
        let log = process.wal.group(GroupId(group));
        let applied = raft_start::start(log).await;
        let applied = applied.unwrap_or_else(|error| panic!("{what}: group {group}: {error}"));
        if let Some(applied) = applied {
            let is_true = script.lock().truth.contains(&(group, applied));
            assert!(is_true, "{what}: group {group} applied {applied}");
        }
    }
}

/// What was found stays, whatever happens next: the node relies on it from now on. And the log goes on.
fn check_lasts(disk: &CrashDisk, found: &State, dice: &mut Dice, what: &str) {
    disk.power_loss(dice);
    assert_eq!(
        &check(disk, None, what),
        found,
        "{what}: changed after a power loss"
    );
    let process = Process::start(disk).unwrap();
    let log = process.wal.group(GroupId(GROUPS));
    let body = Bytes::from_static(b"new");
    log.append(LogIndex(1), vec![body.clone()], Box::new(|_| {}))
        .unwrap();
    process.hand.work();
    disk.power_loss(dice);
    let process = Process::start(disk).unwrap();
    let log = process.wal.group(GroupId(GROUPS));
    assert_eq!(log.read(0..9, 9).unwrap().bodies, [body], "{what}");
    assert_eq!(&state(&process.wal), found, "{what}");
}

#[tokio::test]
async fn a_kill_within_any_call_of_the_disk_loses_nothing() {
    for seed in [1, 2] {
        for call in 1..=calls(seed) {
            let what = format!("seed {seed}, killed at call {call}");
            let disk = CrashDisk::planned(Plan::EndAt(call));
            let script = play(&disk, seed);
            disk.restart();
            let found = check(&disk, script.as_ref(), &what);
            if let Some(script) = script.filter(|_| call % STARTS == 0) {
                check_start(&disk.fork(), &script, &what).await;
            }
            check_lasts(&disk, &found, &mut Dice(seed ^ call), &what);
        }
    }
}

#[tokio::test]
async fn a_loss_of_power_within_any_call_of_the_disk_loses_nothing() {
    for seed in [5] {
        for call in 1..=calls(seed) {
            let crashed = CrashDisk::planned(Plan::EndAt(call));
            let script = play(&crashed, seed);
            for fate in 0..3 {
                let what = format!("seed {seed}, without power at call {call}, fate {fate}");
                let disk = crashed.fork();
                let mut dice = Dice(seed << 32 | call << 8 | fate);
                disk.power_loss(&mut dice);
                let found = check(&disk, script.as_ref(), &what);
                if let Some(script) = script.as_ref().filter(|_| (call + fate) % STARTS == 0) {
                    check_start(&disk.fork(), script, &what).await;
                }
                check_lasts(&disk, &found, &mut dice, &what);
            }
        }
    }
}

#[tokio::test]
async fn a_failed_sync_leaves_nothing_that_only_the_page_cache_has() {
    for seed in [6, 7] {
        for call in 1..=calls(seed) {
            let what = format!("seed {seed}, call {call} is a failed sync");
            let disk = CrashDisk::planned(Plan::FailedSync(call));
            let script = play(&disk, seed);
            disk.restart();
            let found = check(&disk, script.as_ref(), &what);
            if let Some(script) = script.filter(|_| call % STARTS == 0) {
                check_start(&disk.fork(), &script, &what).await;
            }
            check_lasts(&disk, &found, &mut Dice(seed ^ call), &what);
        }
    }
}
