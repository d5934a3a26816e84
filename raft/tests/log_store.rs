//! openraft's own storage test suite against the write-ahead log, and a restart.

#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{
    EmptyNode, EntryPayload, OptionalSend, RaftLogReader, RaftSnapshotBuilder, Snapshot, SnapshotMeta,
    StorageError, StoredMembership,
};
use parking_lot::Mutex;
use raft::env::Env;
use raft::group::entry::{CommittedLeaderId, Entry, LogId, Vote};
use raft::group::log::LogStore;
use raft::group::types::{Payload, TypeConfig};
use raft::level::Level;
use raft::types::{GroupId, NodeId};
use raft::wal::{Wal, WalOptions};

type Meta = SnapshotMeta<CommittedLeaderId, NodeId, EmptyNode>;
type Taken = Snapshot<CommittedLeaderId, NodeId, EmptyNode, ()>;

/// The least state machine that the suite accepts: it knows what it applied, and nothing else.
#[derive(Clone, Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership<CommittedLeaderId, NodeId, EmptyNode>,
    snapshot: Arc<Mutex<Option<Meta>>>,
}

impl RaftSnapshotBuilder<TypeConfig> for Applied {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> Result<Taken, io::Error> {
        let meta = Meta {
            last_log_id: self.last,
            last_membership: self.membership.clone(),
        };
        *self.snapshot.lock() = Some(meta.clone());
        Ok(Taken { meta, snapshot: () })
    }
}

impl RaftStateMachine<TypeConfig> for Applied {
    type SnapshotData = ();
    type SnapshotBuilder = Applied;

    async fn applied_state(
        &mut self,
    ) -> Result<
        (
            Option<LogId>,
            StoredMembership<CommittedLeaderId, NodeId, EmptyNode>,
        ),
        io::Error,
    > {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(entry) = entries.next().await {
            let (entry, _) = entry?;
            self.last = Some(entry.log_id());
            if let EntryPayload::Membership(membership) = entry.payload {
                self.membership = StoredMembership::new(self.last, membership);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Applied {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &Meta, (): ()) -> Result<(), io::Error> {
        self.last = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        *self.snapshot.lock() = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Taken>, io::Error> {
        let meta = self.snapshot.lock().clone();
        Ok(meta.map(|meta| Taken { meta, snapshot: () }))
    }
}

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
