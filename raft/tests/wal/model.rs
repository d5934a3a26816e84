//! Random operations against a model: after every reopening the log is what the model says, and
//! after a crash in between it is what the model said after some prefix of the operations that
//! reaches at least to the last acknowledged one.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::types::{GroupId, LogIndex};
use raft::wal::{Run, Wal};

use crate::disk::TestDisk;
use crate::support::{Dice, open, vote};

const GROUPS: u64 = 4;

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    entries: BTreeMap<u64, Bytes>,
    purged: Option<(LogIndex, Bytes)>,
    vote: Option<Bytes>,
}

type Models = BTreeMap<u64, Model>;

fn state(wal: &Wal) -> Models {
    let mut models = Models::new();
    for group in 0..GROUPS {
        let log = wal.group(GroupId(group));
        let Run { first, bodies } = log.read(0..u64::MAX, usize::MAX).unwrap();
        let entries: BTreeMap<u64, Bytes> = (first.0..).zip(bodies).collect();
        let bytes: usize = entries.values().map(Bytes::len).sum();
        assert_eq!(log.bytes_since_purge(), bytes as u64);
        let model = Model {
            entries,
            purged: log.purged(),
            vote: log.vote(),
        };
        models.insert(group, model);
    }
    models
}

/// One random operation, on the log and on the model.
async fn step(dice: &mut Dice, wal: &Wal, models: &mut Models) {
    let group = dice.below(GROUPS);
    let log = wal.group(GroupId(group));
    let model = models.entry(group).or_default();
    let purged = model.purged.as_ref().map(|(last, _)| last.0);
    let last = model.entries.keys().next_back().copied().or(purged);
    match dice.below(20) {
        0..12 => {
            let first = last.map_or(0, |last| last + 1);
            let bodies: Vec<Bytes> = (0..=dice.below(4))
                .map(|_| Bytes::from(vec![dice.below(256) as u8; dice.below(900) as usize]))
                .collect();
            model.entries.extend((first..).zip(bodies.iter().cloned()));
            log.append(LogIndex(first), bodies, Box::new(|_| {})).unwrap();
        }
        12..14 => {
            let text = format!("vote {}", dice.below(1_000));
            model.vote = Some(Bytes::from(text.clone()));
            log.save_vote(Bytes::from(text), Box::new(|_| {})).unwrap();
        }
        14..16 => {
            let Some(&oldest) = model.entries.keys().next() else {
                return;
            };
            let keep = oldest + dice.below(model.entries.len() as u64 + 1);
            model.entries.split_off(&keep);
            log.truncate_after(keep.checked_sub(1).map(LogIndex)).unwrap();
        }
        16..19 => {
            let Some(last) = last else { return };
            // Now and then beyond the end, as after a snapshot.
            let upto = (last + 3).saturating_sub(dice.below(12));
            if purged.is_some_and(|purged| purged >= upto) {
                return;
            }
            let mark = (LogIndex(upto), Bytes::from(format!("purge {upto}")));
            model.entries = model.entries.split_off(&(upto + 1));
            log.purge(mark.0, mark.1.clone()).unwrap();
            model.purged = Some(mark);
        }
        _ => {
            *model = Model::default();
            wal.forget(GroupId(group)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_log_is_what_was_written_to_it() {
    for seed in [1, 2, 3, 42, 4711] {
        let mut dice = Dice(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut models: Models = (0..GROUPS).map(|group| (group, Model::default())).collect();
        for _ in 0..6 {
            let wal = open(dir.path());
            assert_eq!(state(&wal), models, "seed {seed}");
            for _ in 0..120 {
                step(&mut dice, &wal, &mut models).await;
            }
            assert_eq!(state(&wal), models, "seed {seed}");
            wal.close().await.unwrap();
            assert_eq!(state(&wal), models, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_crash_leaves_a_prefix_that_holds_all_that_was_acknowledged() {
    for seed in [5, 6, 7] {
        let mut dice = Dice(seed);
        let dir = tempfile::tempdir().unwrap();
        let disk = TestDisk::default();
        let wal = disk.open_wal(dir.path());
        let mut models: Models = (0..GROUPS).map(|group| (group, Model::default())).collect();
        for round in 0..15 {
            let text = format!("round {round}");
            vote(&wal.group(GroupId(0)), &text);
            models.get_mut(&0).unwrap().vote = Some(Bytes::from(text));
            // Acknowledged up to here; from now on any prefix may survive.
            let mut possible = vec![models.clone()];
            for _ in 0..dice.below(40) {
                step(&mut dice, &wal, &mut models).await;
                possible.push(models.clone());
            }
            let crashed = disk.crash(dir.path());
            let found = state(&open(crashed.path()));
            // An append of several entries may be split between two batches: then its beginning is there.
            let is_possible =
                possible.contains(&found) || possible.windows(2).any(|pair| is_between(&found, pair));
            assert!(is_possible, "seed {seed} round {round}");
        }
    }
}

fn is_between(found: &Models, pair: &[Models]) -> bool {
    (0..GROUPS).all(|group| {
        let (found, before, after) = (&found[&group], &pair[0][&group], &pair[1][&group]);
        found == before
            || found == after
            || (found.vote == before.vote
                && found.purged == before.purged
                && before
                    .entries
                    .iter()
                    .all(|entry| found.entries.get_key_value(entry.0) == Some(entry))
                && found
                    .entries
                    .iter()
                    .all(|entry| after.entries.get_key_value(entry.0) == Some(entry)))
    })
}
