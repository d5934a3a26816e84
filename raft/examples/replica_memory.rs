//! What an open replica costs in memory: idle, and after it was used for as long as it takes until
//! everything that openraft preallocates has been written once.
//!
//!     cargo run --release -p raft --example replica_memory [REPLICAS] [COMMANDS OF EACH]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use raft::command::queue::{ChangeVisibility, QueueCommand, QueueOp};
use raft::env::Env;
use raft::group::{Group, Timing};
use raft::groups::{Birth, Groups, GroupsOptions, Origin};
use raft::machine::MachineKind;
use raft::peers::Peers;
use raft::peers::snapshot::SnapshotOptions;
use raft::store::{LettersOptions, MemoryStore};
use raft::types::{GroupId, NodeId};
use raft::wal::WalOptions;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ME: NodeId = NodeId(1);

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let replicas: u64 = numbers.next().unwrap_or(50);
    let commands: u64 = numbers.next().unwrap_or(10_000);
    let dir = tempfile::tempdir().expect("a folder");
    let env = Env::real().expect("randomness");
    let peers = Peers::new(env.clone(), ME);
    let options = GroupsOptions {
        timing: Timing::default(),
        checkpoint_bytes: 64 << 20,
        wal: WalOptions::default(),
        letters: LettersOptions::default(),
        snapshots: SnapshotOptions::default(),
    };
    let store = Arc::new(MemoryStore::default());
    let groups = Groups::start(env, dir.path(), || Ok(store), peers, options).expect("a node's groups");
    let empty = resident_bytes();
    let mut open = Vec::new();
    for id in 1..=replicas {
        let birth = Birth {
            members: BTreeSet::from([ME]),
            first: true,
        };
        let group = groups.open(
            GroupId(id),
            MachineKind::Queue,
            &[ME],
            None,
            Origin::Founded(birth),
        );
        open.push(group.await.expect("a group"));
    }
    for group in &open {
        while !group.leads_with_all() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    report("idle", empty, replicas);
    let mut used = 0;
    for share in [10, 2, 1] {
        futures::future::join_all(open.iter().map(|group| work(group, commands / share - used))).await;
        used = commands / share;
        report(&format!("after {used} commands each"), empty, replicas);
    }
}

/// Has commands applied that leave nothing in the state.
async fn work(group: &Arc<Group>, commands: u64) {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(QueueOp::ChangeVisibility(ChangeVisibility::default())),
    };
    let command: Bytes = command.encode_to_vec().into();
    for _ in 0..commands {
        // One after the other, so that each is a log entry of its own.
        group.propose(command.clone()).await.expect("it is applied");
    }
}

fn report(when: &str, empty: u64, replicas: u64) {
    let resident = resident_bytes().saturating_sub(empty);
    println!(
        "{when}: {} KiB for each of {replicas} replicas",
        resident / replicas / 1024
    );
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    1024 * kib.unwrap_or(0)
}
