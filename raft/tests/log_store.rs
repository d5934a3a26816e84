//! openraft's own storage test suite against the write-ahead log, and a restart.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures::StreamExt;
use openraft::entry::RaftEntry;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{EntryPayload, RaftLogReader, StorageError};
use raft::env::Env;
use raft::group::entry::{Entry, LogId, Vote};
use raft::group::log::LogStore;
use raft::group::types::{Payload, TypeConfig};
use raft::level::Level;
use raft::types::{GroupId, NodeId};
use raft::wal::{Wal, WalOptions};

#[path = "common/applied.rs"]
mod applied;

use applied::Applied;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, Applied, tempfile::TempDir> for Builder {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStore, Applied), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let log = log_store(&open(&dir), 3);
        Ok((dir, log, Applied::default()))
    }
}

fn open(dir: &tempfile::TempDir) -> Wal {
    let options = WalOptions {
        segment_bytes: WalOptions::SEGMENT_BYTES_MIN,
        group_cache_bytes: 200,
        ..WalOptions::default()
    };
    Wal::open(&Env::real().unwrap(), dir.path(), options).unwrap()
}

fn log_store(wal: &Wal, group: u64) -> LogStore {
    LogStore::new(wal.group(GroupId(group)), Env::real().unwrap().io)
}

#[tokio::test]
async fn openrafts_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}

fn entry(term: u64, index: u64, payload: usize) -> Entry {
    Entry {
        log_id: LogId::new_term_index(term, index),
        payload: EntryPayload::Normal(Payload {
            batch: Bytes::from(vec![7; payload]),
            level: Level::ZERO,
        }),
    }
}

async fn append(store: &mut LogStore, entries: Vec<Entry>) {
    store.blocking_append(entries).await.unwrap();
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let wal = open(&dir);
    let mut store = log_store(&wal, 1);
    let vote = Vote::new_committed(2, NodeId(5));
    store.save_vote(&vote).await.unwrap();
    append(&mut store, (0..20).map(|index| entry(1, index, 50)).collect()).await;
    store
        .save_committed(Some(LogId::new_term_index(1, 9)))
        .await
        .unwrap();
    store
        .truncate_after(Some(LogId::new_term_index(1, 14)))
        .await
        .unwrap();
    append(&mut store, vec![entry(2, 15, 3)]).await;
    store.purge(LogId::new_term_index(1, 4)).await.unwrap();
    // The hint rides with the batch after the append that came with it.
    append(&mut store, vec![entry(2, 16, 3)]).await;
    wal.close().await.unwrap();

    let mut store = log_store(&open(&dir), 1);
    assert_eq!(store.read_vote().await.unwrap(), Some(vote));
    let state = store.get_log_state().await.unwrap();
    assert_eq!(state.last_purged_log_id, Some(LogId::new_term_index(1, 4)));
    assert_eq!(state.last_log_id, Some(LogId::new_term_index(2, 16)));
    assert_eq!(
        store.read_committed().await.unwrap(),
        Some(LogId::new_term_index(1, 9))
    );
    let entries = store.try_get_log_entries(..).await.unwrap();
    let mut expected: Vec<Entry> = (5..15).map(|index| entry(1, index, 50)).collect();
    expected.extend([entry(2, 15, 3), entry(2, 16, 3)]);
    assert_eq!(entries, expected);
}

/// A log with entries of term 1 up to index 4, closed with `hint` as its commit hint.
async fn hinted(dir: &tempfile::TempDir, hint: LogId) -> LogStore {
    let wal = open(dir);
    let mut store = log_store(&wal, 1);
    store.save_committed(Some(hint)).await.unwrap();
    append(&mut store, (0..5).map(|index| entry(1, index, 50)).collect()).await;
    append(&mut log_store(&wal, 2), vec![entry(1, 0, 1)]).await;
    wal.close().await.unwrap();
    log_store(&open(dir), 1)
}

#[tokio::test]
async fn a_hint_counts_only_if_the_log_has_the_entry_that_it_names() {
    // The last two are what earlier versions could leave: the hint was durable before its entry, or
    // before the truncation that made room for it. Then the log has another entry there.
    let (kept, ahead) = (LogId::new_term_index(1, 3), LogId::new_term_index(1, 9));
    let replaced = LogId::new_term_index(2, 3);
    for (hint, expected) in [(kept, Some(kept)), (ahead, None), (replaced, None)] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = hinted(&dir, hint).await;
        assert_eq!(store.read_committed().await.unwrap(), expected, "{hint}");
        let purged = LogId::new_term_index(1, 1);
        store.purge(purged).await.unwrap();
        let expected = expected.or(Some(purged));
        assert_eq!(store.read_committed().await.unwrap(), expected, "{hint}");
    }
}

#[tokio::test]
async fn a_replication_read_is_bounded_but_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions::default();
    let wal = Wal::open(&Env::real().unwrap(), dir.path(), options).unwrap();
    let mut store = log_store(&wal, 1);
    append(&mut store, (0..5).map(|index| entry(1, index, 600_000)).collect()).await;
    append(&mut store, vec![entry(1, 5, 3_000_000)]).await;
    assert_eq!(store.limited_get_log_entries(0, 6).await.unwrap().len(), 1);
    assert_eq!(store.limited_get_log_entries(5, 6).await.unwrap().len(), 1);
    assert_eq!(store.try_get_log_entries(0..6).await.unwrap().len(), 6);
    let applied: Vec<u64> = store
        .entries_stream(1..9)
        .await
        .map(|entry| entry.unwrap().log_id().index())
        .collect()
        .await;
    assert_eq!(applied, [1, 2, 3, 4, 5]);
}
