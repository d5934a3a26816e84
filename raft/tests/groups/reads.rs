//! A disk whose reads stand still keeps nobody waiting who needs nothing from it. The runtime of
//! these tests has one thread.

use std::sync::Arc;

use bytes::Bytes;
use openraft::RaftLogReader;
use raft::command::queue::{QueueAnswer, QueueOp, Receive};
use raft::env::{Env, READS_MAX};
use raft::group::Group;
use raft::group::log::LogStore;
use raft::groups::GroupsOptions;
use raft::level::Level;
use raft::store::{LettersOptions, MemoryStore};
use raft::types::{GroupId, LogIndex};
use raft::wal::{Wal, WalOptions};

use crate::gate::{Gate, GatedDisk};
use crate::node::{PATIENCE, configure, open, options, propose, send, start_in};

/// Every letter of a checkpoint goes into a file, and leaves memory.
fn all_in_files() -> GroupsOptions {
    GroupsOptions {
        letters: LettersOptions {
            bytes_min: 1,
            front: 0,
            ..LettersOptions::default()
        },
        ..options()
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

async fn until(reached: impl Fn() -> bool) {
    let waited = async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    in_time(waited).await;
}

/// Sends messages, and has a checkpoint put their letters into files.
async fn put_away(group: &Group, messages: usize) {
    configure(group).await;
    for _ in 0..messages {
        send(group, 100).await;
    }
    group.checkpoint().await.unwrap();
    until(|| group.replica().checkpointed() == group.progress().applied).await;
}

async fn receive(group: Arc<Group>) -> QueueAnswer {
    let receive = Receive {
        max: 1,
        visibility_ms: 60_000,
        ..Receive::default()
    };
    propose(&group, QueueOp::Receive(receive)).await
}

#[tokio::test]
async fn a_read_that_stands_still_stops_neither_other_groups_nor_its_own() {
    let (dir, gate) = (tempfile::tempdir().unwrap(), Arc::<Gate>::default());
    let mut env = Env::real().unwrap();
    env.disk = Arc::new(GatedDisk(gate.clone()));
    let store = Arc::new(MemoryStore::default());
    let groups = start_in(env.clone(), dir.path(), store, all_in_files());
    let (slow, other) = (open(&groups, 1).await, open(&groups, 2).await);
    put_away(&slow, 20).await;
    configure(&other).await;

    gate.close("letters");
    let receives: Vec<_> = (0..8).map(|_| tokio::spawn(receive(slow.clone()))).collect();
    until(|| gate.waiting() > 0).await;
    for _ in 0..10 {
        in_time(send(&other, 10)).await;
        in_time(send(&slow, 10)).await;
    }
    // Some leave, wherever their reply is by now.
    let (gone, stay) = receives.split_at(4);
    gone.iter().for_each(|receive| receive.abort());
    until(|| gone.iter().all(|receive| receive.is_finished())).await;
    assert!(stay.iter().all(|receive| !receive.is_finished()));

    gate.open();
    for received in receives.into_iter().skip(4) {
        let QueueAnswer::Received(received) = in_time(received).await.unwrap() else {
            panic!("no messages")
        };
        assert_eq!(received.messages[0].body, vec![b'm'; 100]);
    }
    until(|| env.io.free() == READS_MAX && env.io.stats().waiting == 0).await;
    groups.check().unwrap();
}

#[tokio::test]
async fn old_log_entries_are_read_while_others_go_on() {
    let (dir, gate) = (tempfile::tempdir().unwrap(), Arc::<Gate>::default());
    let mut env = Env::real().unwrap();
    env.disk = Arc::new(GatedDisk(gate.clone()));
    let options = WalOptions {
        group_cache_bytes: 1_000,
        ..WalOptions::default()
    };
    let wal = Wal::open(&env, &dir.path().join("wal"), options).unwrap();
    let (old, recent) = (wal.group(GroupId(1)), wal.group(GroupId(2)));
    for (log, entries) in [(&old, 100), (&recent, 1)] {
        let (done, durable) = tokio::sync::oneshot::channel();
        let bodies = (0..entries).map(entry).collect();
        let answer = Box::new(move |result| drop(done.send(result)));
        log.append(LogIndex(0), bodies, answer).unwrap();
        durable.await.unwrap().unwrap();
    }

    gate.close("wal");
    let (mut behind, mut up_to_date) = (
        LogStore::new(old, env.io.clone()),
        LogStore::new(recent, env.io.clone()),
    );
    let reading = tokio::spawn(async move { behind.limited_get_log_entries(0, 50).await });
    until(|| gate.waiting() > 0).await;
    let entries = in_time(up_to_date.limited_get_log_entries(0, 1)).await;
    assert_eq!(entries.unwrap().len(), 1);
    assert!(!reading.is_finished());
    gate.open();
    let entries = in_time(reading).await.unwrap().unwrap();
    assert_eq!(entries.len(), 50);
}

fn entry(index: u64) -> Bytes {
    use openraft::EntryPayload;
    use raft::group::entry::{Entry, LogId, encode_entry};
    use raft::group::types::Payload;
    encode_entry(&Entry {
        log_id: LogId::new_term_index(1, index),
        payload: EntryPayload::Normal(Payload {
            batch: Bytes::from(vec![7; 100]),
            level: Level::ZERO,
        }),
    })
}
