use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use raft::command::queue::{Configure, Send, SendEntry, SetLevel};
use raft::env::{Clock, Env};
use raft::group::Timing;
use raft::groups::{Birth, GroupsOptions, Origin};
use raft::machine::MachineKind;
use raft::machine::queue::EXPIRED_MAX;
use raft::peers::Peers;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::{LettersOptions, MemoryStore};
use raft::types::{Millis, NodeId};
use raft::wal::WalOptions;

use super::*;

const ME: NodeId = NodeId(1);
const RETENTION_MS: u64 = 60_000;
/// A failed test ends instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that is moved by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
}

fn start(dir: &Path) -> (Arc<Hand>, Expiry) {
    let clock = Arc::new(Hand(AtomicU64::new(1_000)));
    let env = Env {
        clock: clock.clone(),
        ..Env::real().unwrap()
    };
    let peers = Peers::new(env.clone(), ME);
    peers.set_cluster("test");
    let options = GroupsOptions {
        timing: Timing {
            heartbeat_ms: 100,
            election_min_ms: 200,
            election_max_ms: 400,
        },
        checkpoint_bytes: 1 << 20,
        wal: WalOptions::default(),
        letters: LettersOptions::default(),
        snapshots: SnapshotOptions::default(),
    };
    let store = || Ok(Arc::new(MemoryStore::default()) as _);
    let groups = Groups::start(env.clone(), dir, store, peers, options).unwrap();
    (clock, Expiry { groups })
}

/// A queue's only partition, led here, at a level.
async fn open(expiry: &Expiry, id: u64, level: Option<u32>) -> Arc<Group> {
    let birth = Birth {
        members: BTreeSet::from([ME]),
        first: true,
    };
    let origin = Origin::Founded(birth);
    let opened = expiry
        .groups
        .open(GroupId(id), MachineKind::Queue, &[ME], None, origin);
    let group = opened.await.unwrap();
    let leads = async {
        while !group.leads_with_lease() {
            let seen = group.leadership();
            if !seen.leads {
                group.leadership_changed(seen).await;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, leads).await.unwrap();
    if let Some(to) = level {
        propose(&group, QueueOp::SetLevel(SetLevel { to })).await;
    }
    let configure = Configure {
        version: 1,
        retention_ms: RETENTION_MS,
        ..Configure::default()
    };
    propose(&group, QueueOp::Configure(configure)).await;
    group
}

async fn propose(group: &Group, op: QueueOp) {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(op),
    };
    group.propose(command.encode_to_vec().into()).await.unwrap();
}

async fn send(group: &Group, messages: usize) {
    let entry = SendEntry {
        body: "m".into(),
        ..SendEntry::default()
    };
    let entries = vec![entry; messages];
    propose(group, QueueOp::Send(Send { entries })).await;
}

fn applied(group: &Group) -> u64 {
    *group.replica().applied().borrow()
}

fn held(group: &Group) -> u64 {
    group.replica().read(raft::machine::Machine::message_bytes)
}

#[tokio::test]
async fn a_queue_without_commands_gives_its_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, expiry) = start(dir.path());
    let (idle, old) = tokio::join!(open(&expiry, 1, Some(1)), open(&expiry, 2, None));
    let messages = 2 * EXPIRED_MAX + 1;
    for group in [&idle, &old] {
        send(group, messages).await;
    }
    let before = [&idle, &old].map(|group| applied(group));
    clock.0.store(1_000 + RETENTION_MS, Ordering::Relaxed);

    let mut rounds = 0;
    let mut busy = expiry.groups.list();
    while !busy.is_empty() {
        busy = expiry.round(busy).await;
        rounds += 1;
    }
    // Each round dropped as much as one batch may, and the last one found nothing.
    assert_eq!((rounds, held(&idle)), (4, 0));
    assert_eq!(applied(&idle) - before[0], 3);
    // A partition that acts as older releases do is not ticked: they know no ticks.
    assert_eq!(applied(&old), before[1]);
    assert!(held(&old) > 0);
    expiry.groups.shutdown().await;
}

#[tokio::test]
async fn queues_with_nothing_to_drop_cost_no_entries() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, expiry) = start(dir.path());
    let groups = join_all((1..21).map(|id| open(&expiry, id, Some(1)))).await;
    for group in &groups[..10] {
        send(group, 1).await;
    }
    clock.0.store(RETENTION_MS, Ordering::Relaxed);
    let before: Vec<u64> = groups.iter().map(|group| applied(group)).collect();
    assert!(expiry.round(expiry.groups.list()).await.is_empty());
    let after: Vec<u64> = groups.iter().map(|group| applied(group)).collect();
    assert_eq!(before, after);

    clock.0.store(1_000 + RETENTION_MS, Ordering::Relaxed);
    assert_eq!(expiry.round(expiry.groups.list()).await.len(), 10);
    assert!(groups.iter().all(|group| held(group) == 0));
    expiry.groups.shutdown().await;
}
