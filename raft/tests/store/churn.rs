//! A thousand groups whose states grow and shrink, written by many callers at once: none of them
//! ever stands still.
//!
//! `MILLRACE_CHURN_SECONDS=600 cargo test --release -p raft --test store churn -- --nocapture` does
//! it for ten minutes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::*;

const CHURNED: u64 = 1_000;
const CALLERS: u64 = 16;
/// Writes of each caller, unless a time is given.
const WRITES: u64 = 250;
const ROWS_MAX: u64 = 120;
const ROW_BYTES: usize = 700;
/// No write takes so long, on any machine, unless something stands still.
const STANDSTILL: Duration = Duration::from_secs(120);

/// What a caller knows of its groups.
type Model = BTreeMap<u64, BTreeMap<Bytes, Bytes>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_groups_grow_and_shrink_and_nothing_stands_still() {
    let seconds = std::env::var("MILLRACE_CHURN_SECONDS").ok();
    let seconds = seconds.map(|text| Duration::from_secs(text.parse().unwrap()));
    let dir = tempfile::tempdir().unwrap();
    let env = Env::real().unwrap();
    let options = FileStoreOptions {
        compact_bytes_min: 32 << 10,
        warm_groups_max: 64,
        ..FileStoreOptions::default()
    };
    let folder = dir.path().join("checkpoints");
    let open = || FileStore::open(env.disk.clone(), env.random.clone(), &folder, options).unwrap();
    let rows = Arc::new(open());
    let letters = dir.path().join("letters");
    let store = LetterStore::open(
        rows.clone(),
        env.disk.clone(),
        &letters,
        LettersOptions::default(),
    );
    let checkpointer = Checkpointer::start(&env, store.unwrap());
    let (begun, written) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let callers = (0..CALLERS).map(|caller| {
        let (checkpointer, written) = (checkpointer.clone(), written.clone());
        tokio::spawn(async move {
            let mut model = Model::new();
            for number in 0.. {
                match seconds {
                    Some(seconds) if begun.elapsed() > seconds => break,
                    None if number == WRITES => break,
                    _ => {}
                }
                // Each group has one caller, as it has one replica.
                let group = (number * 7 % (CHURNED / CALLERS)) * CALLERS + caller;
                let delta = next(&mut model, group, number);
                let write = checkpointer.write(GroupId(group), number.to_string().into(), delta);
                let done = tokio::time::timeout(STANDSTILL, write).await;
                done.expect("a write stands still").unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
            model
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut models = Vec::new();
    for caller in callers {
        models.push(caller.await.unwrap());
    }
    let took = begun.elapsed();
    println!("{} writes in {took:?}", written.load(Ordering::Relaxed));
    drop(checkpointer);
    // As the next life of the node finds them.
    let store = open();
    for (group, expected) in models.into_iter().flatten() {
        let found = store.load(GroupId(group)).unwrap().unwrap();
        let expected: Vec<_> = expected.into_iter().collect();
        assert!(found.rows == expected, "group {group}");
    }
}

/// The next change of a group: it grows for some rounds, and shrinks for some; now and then it is
/// written as a whole.
fn next(model: &mut Model, group: u64, number: u64) -> Delta {
    let is_new = !model.contains_key(&group);
    let rows = model.entry(group).or_default();
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ group;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut delta = Delta::default();
    let shrinks = (number / 16 + group) % 2 == 1;
    let mut changed: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
    for _ in 0..below(60) {
        let key = Bytes::from(vec![0x25, below(ROWS_MAX) as u8]);
        let is_put = below(10) < if shrinks { 2 } else { 8 };
        let value = || Bytes::from(vec![number as u8; ROW_BYTES]);
        changed.insert(key, is_put.then(value));
    }
    for (key, value) in changed {
        match value {
            Some(value) => {
                rows.insert(key.clone(), value.clone());
                delta.puts.push(Row::from((key, value)));
            }
            None => {
                rows.remove(&key);
                delta.deletes.push(key);
            }
        }
    }
    match is_new || below(20) == 0 {
        true => Delta::whole(
            rows.iter()
                .map(|(key, value)| Row::from((key.clone(), value.clone())))
                .collect(),
        ),
        false => delta,
    }
}
