//! A node's groups over a folder of their own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use raft::command::Reply;
use raft::command::queue::{Configure, QueueAnswer, QueueCommand, QueueOp, QueueReply, Send, SendEntry};
use raft::env::Env;
use raft::group::{Group, NotDone, Timing};
use raft::groups::{Birth, Groups, GroupsOptions, Origin};
use raft::machine::{Machine, MachineKind};
use raft::peers::Peers;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::LettersOptions;
use raft::store::Store;
use raft::types::{GroupId, Millis, NodeId};
use raft::wal::WalOptions;

pub(crate) const ME: NodeId = NodeId(1);

/// A failed test ends instead of waiting for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn options() -> GroupsOptions {
    GroupsOptions {
        timing: Timing {
            heartbeat_ms: 30,
            election_min_ms: 60,
            election_max_ms: 120,
        },
        checkpoint_bytes: 16 << 10,
        wal: WalOptions {
            segment_bytes: WalOptions::SEGMENT_BYTES_MIN,
            live_segments_budget: 4,
            ..WalOptions::default()
        },
        letters: LettersOptions::default(),
        snapshots: SnapshotOptions {
            bytes_per_second: 0,
            ..SnapshotOptions::default()
        },
    }
}

pub(crate) fn start(dir: &Path, store: Arc<dyn Store>) -> Arc<Groups> {
    start_in(Env::real().unwrap(), dir, store, options())
}

/// The same in another world, or with other sizes.
pub(crate) fn start_in(env: Env, dir: &Path, store: Arc<dyn Store>, options: GroupsOptions) -> Arc<Groups> {
    let peers = Peers::new(env.clone(), ME);
    peers.set_cluster("test");
    peers.require_level(env.level);
    Groups::start(env, dir, || Ok(store), peers, options).unwrap()
}

/// Opens a queue partition with this node as its only member, and waits until it leads.
pub(crate) async fn open(groups: &Arc<Groups>, id: u64) -> Arc<Group> {
    let birth = Birth {
        members: BTreeSet::from([ME]),
        first: true,
    };
    let id = GroupId(id);
    let group = groups
        .open(id, MachineKind::Queue, &[ME], None, Origin::Founded(birth))
        .await
        .unwrap();
    let leads = async {
        loop {
            let seen = group.leadership();
            if seen.leads {
                return;
            }
            group.leadership_changed(seen).await;
        }
    };
    tokio::time::timeout(PATIENCE, leads).await.unwrap();
    group
}

/// What a command is answered.
pub(crate) async fn propose(group: &Group, op: QueueOp) -> QueueAnswer {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(op),
    };
    match group.propose(command.encode_to_vec().into()).await.unwrap() {
        Reply::Queue(QueueReply { answer: Some(answer) }) => answer,
        other => panic!("unexpected reply {other:?}"),
    }
}

/// Makes a queue of the group.
pub(crate) async fn configure(group: &Group) {
    let configure = Configure {
        version: 1,
        retention_ms: 3_600_000,
        ..Configure::default()
    };
    propose(group, QueueOp::Configure(configure)).await;
}

/// Adds a message of `bytes` bytes.
pub(crate) async fn send(group: &Group, bytes: usize) {
    let entry = SendEntry {
        body: Bytes::from(vec![b'm'; bytes]),
        ..SendEntry::default()
    };
    let answer = propose(group, QueueOp::Send(Send { entries: vec![entry] })).await;
    assert!(matches!(answer, QueueAnswer::Sent(_)), "{answer:?}");
}

/// Sends a message that the machine may not cope with.
pub(crate) async fn send_body(group: &Group, body: &'static [u8]) -> Result<(), NotDone> {
    let entry = SendEntry {
        body: Bytes::from_static(body),
        ..SendEntry::default()
    };
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(QueueOp::Send(Send { entries: vec![entry] })),
    };
    let command = group.propose(command.encode_to_vec().into());
    tokio::time::timeout(PATIENCE, command).await.unwrap().map(drop)
}

/// How many messages it has.
pub(crate) fn messages(group: &Group) -> u64 {
    messages_at(group, Env::real().unwrap().clock.now())
}

/// How many it has at a time.
pub(crate) fn messages_at(group: &Group, now: Millis) -> u64 {
    group.replica().read(|machine| match machine {
        Machine::Queue(queue) => queue.counts(now).visible,
        Machine::Catalog(_) => 0,
    })
}
