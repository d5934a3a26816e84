//! A replica that cannot go on is quarantined: its data stays, and the node serves its other groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::select_all;
use prost::Message;
use raft::command::queue::{QueueCommand, QueueOp, Send, SendEntry};
use raft::group::{Group, NotDone, OpenError};
use raft::groups::{Birth, GroupsOptions, Origin};
use raft::machine::{Machine, MachineKind};
use raft::planted::{Bug, POISON, plant};
use raft::quarantine::Cause;
use raft::store::{LettersOptions, MemoryStore};
use raft::types::GroupId;
use raft::wal::WalOptions;

use crate::cluster::{GROUP, NODES, Node, caught_up, introduce, open, start, start_with, stop};
use crate::node::{PATIENCE, configure, messages, options, send};

const OTHER: GroupId = GroupId(6);

async fn open_other(node: &Node) -> Arc<Group> {
    let birth = Birth {
        members: BTreeSet::from(NODES),
        first: node.peers.me() == NODES[0],
    };
    let origin = Origin::Founded(birth);
    let opened = node.groups.open(OTHER, MachineKind::Queue, &NODES, None, origin);
    opened.await.unwrap()
}

async fn applied(group: &Group, index: u64) {
    let applied = group.wait_applied(index);
    tokio::time::timeout(PATIENCE, applied).await.unwrap().unwrap();
}

/// Waits until one of the replicas leads and has applied all that was acknowledged. Returns it.
async fn leader_of(replicas: [&Arc<Group>; 3]) -> Arc<Group> {
    replicas[0].campaign().await.unwrap();
    let leads = async {
        loop {
            let seen = replicas.map(|group| group.leadership());
            let leads = replicas.iter().zip(seen).find(|(_, seen)| seen.leads);
            if let Some((leader, _)) = leads {
                if leader.confirmed().await.is_ok() {
                    return Arc::clone(leader);
                }
                tokio::task::yield_now().await;
                continue;
            }
            let changes = replicas.iter().zip(seen);
            select_all(changes.map(|(group, seen)| Box::pin(group.leadership_changed(seen)))).await;
        }
    };
    tokio::time::timeout(PATIENCE, leads).await.unwrap()
}

async fn poison(leader: &Group, entry: SendEntry) -> Result<(), NotDone> {
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(QueueOp::Send(Send { entries: vec![entry] })),
    };
    let command = leader.propose(command.encode_to_vec().into());
    tokio::time::timeout(PATIENCE, command).await.unwrap().map(drop)
}

/// Looks after the faults of the nodes until `enough`: again whenever a replica applies something, or ends.
async fn tend_until(nodes: &[&Node], enough: impl Fn() -> bool) {
    let tended = async {
        loop {
            let replicas = nodes.iter().flat_map(|node| node.groups.list());
            let mut applied: Vec<_> = replicas.map(|group| group.replica().applied()).collect();
            for node in nodes {
                node.groups.tend_faults().await.unwrap();
            }
            if enough() {
                return;
            }
            // One that is closed counts as changed, and is not looked at again.
            let _ = select_all(applied.iter_mut().map(|applied| Box::pin(applied.changed()))).await;
        }
    };
    tokio::time::timeout(PATIENCE, tended).await.unwrap();
}

/// Waits until a majority has quarantined the group again. A replica that does not know whether the entry was committed cannot
/// find that out alone, and does not break.
async fn majority_quarantined(nodes: &[&Node]) {
    let has = |node: &&&Node| node.groups.quarantine_of(GROUP).is_some();
    tend_until(nodes, || nodes.iter().filter(has).count() > nodes.len() / 2).await;
}

/// Waits until each node has quarantined the group.
async fn all_quarantined(nodes: &[&Node]) {
    tend_until(nodes, || {
        nodes
            .iter()
            .all(|node| node.groups.quarantine_of(GROUP).is_some())
    })
    .await;
    for node in nodes {
        assert!(node.groups.get(GROUP).is_none());
    }
}

#[tokio::test]
async fn a_poisoned_entry_stops_one_group_everywhere_and_nothing_else() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let stores = NODES.map(|_| Arc::new(MemoryStore::default()));
    let begin = async || {
        let [one, two, three] = [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), stores[at].clone()));
        let nodes = tokio::join!(one, two, three);
        introduce(&[&nodes.0, &nodes.1, &nodes.2]);
        nodes
    };
    let (one, two, three) = begin().await;
    let (first, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let leader = leader_of([&first.unwrap(), &second.unwrap(), &third.unwrap()]).await;
    let (first, second, third) = tokio::join!(open_other(&one), open_other(&two), open_other(&three));
    let other = leader_of([&first, &second, &third]).await;
    for group in [&leader, &other] {
        configure(group).await;
        send(group, 100).await;
    }
    plant(Some(Bug::PoisonPanics));
    let entry = SendEntry {
        body: Bytes::from_static(POISON),
        ..SendEntry::default()
    };
    assert_eq!(poison(&leader, entry).await, Err(NotDone::Quarantined));
    let at = leader.progress().last - 1;
    all_quarantined(&[&one, &two, &three]).await;
    let quarantine = two.groups.quarantine_of(GROUP).unwrap();
    assert_eq!(
        (quarantine.broken.cause, quarantine.broken.index),
        (Cause::Entry, Some(at))
    );
    assert!(
        quarantine.to_string().contains("a poisoned message was sent"),
        "{quarantine}"
    );
    send(&other, 100).await;
    caught_up(&second, &other, 2).await;

    // After a restart, the other group serves, and this one is not even tried.
    drop((leader, other, first, second, third));
    for node in [one, two, three] {
        stop(node).await;
    }
    let (one, two, three) = begin().await;
    for node in [&one, &two, &three] {
        let refused = open(node).await.err();
        assert!(matches!(refused, Some(OpenError::Quarantined(_))), "{refused:?}");
        assert!(node.groups.on_disk().await.unwrap().contains(&GROUP));
    }
    let (other, second, third) = tokio::join!(open_other(&one), open_other(&two), open_other(&three));
    let other = leader_of([&other, &second, &third]).await;
    assert_eq!(messages(&other), 2);

    // A retry changes nothing as long as the program is the same.
    for node in [&one, &two, &three] {
        assert!(node.groups.retry(GROUP, false).is_some());
    }
    let _opened = tokio::join!(open(&one), open(&two), open(&three));
    majority_quarantined(&[&one, &two, &three]).await;

    // With a program that can apply the entry, nothing is missing.
    plant(None);
    for node in [&one, &two, &three] {
        // The third one may have broken since.
        node.groups.tend_faults().await.unwrap();
        node.groups.retry(GROUP, false);
    }
    let (healed, second, third) = tokio::join!(open(&one), open(&two), open(&three));
    let healed = leader_of([&healed.unwrap(), &second.unwrap(), &third.unwrap()]).await;
    assert_eq!(messages(&healed), 2, "the first message, and the poisoned one");
    assert!(one.groups.quarantined().is_empty());
}

#[tokio::test]
async fn a_replica_whose_files_cannot_be_read_gets_anothers_state_and_deletes_nothing_before() {
    let dirs = NODES.map(|_| tempfile::tempdir().unwrap());
    let [one, two, three] =
        [0, 1, 2].map(|at| start(NODES[at], dirs[at].path(), Arc::new(MemoryStore::default())));
    let (one, two, three) = tokio::join!(one, two, three);
    introduce(&[&one, &two, &three]);
    let (leader, _two, third) = tokio::join!(open(&one), open(&two), open(&three));
    let (leader, third) = (leader.unwrap(), third.unwrap());
    applied(&leader, 1).await;
    configure(&leader).await;
    let mut sent = 0;
    while third.progress().first == 0 {
        send(&leader, 1_000).await;
        sent += 1;
        for node in [&one, &two, &three] {
            node.groups.limit_log().await;
        }
        assert!(sent < 2_000, "nothing is purged");
    }
    third
        .replica()
        .fail(&std::io::Error::other("a block cannot be read"));
    drop(third);
    three.groups.tend_faults().await.unwrap();
    let quarantine = three.groups.quarantine_of(GROUP).unwrap();
    assert_eq!(quarantine.broken.cause, Cause::Files);
    assert!(three.groups.get(GROUP).is_none());
    send(&leader, 1_000).await;
    sent += 1;

    // As long as nobody gives it a state, what it has stays, also over a restart.
    let store = Arc::new(MemoryStore::default());
    stop(three).await;
    let three = start(NODES[2], dirs[2].path(), store).await;
    assert!(matches!(open(&three).await, Err(OpenError::NoState(GROUP))));
    assert!(three.groups.quarantine_of(GROUP).is_some());
    introduce(&[&one, &two, &three]);
    let third = open(&three).await.unwrap();
    caught_up(&third, &leader, sent).await;
    assert!(three.groups.quarantined().is_empty());
}

#[tokio::test]
async fn a_panic_while_a_checkpoint_is_written_or_the_state_is_read_concerns_one_group() {
    let dir = tempfile::tempdir().unwrap();
    let letters = LettersOptions {
        bytes_min: 1,
        ..LettersOptions::default()
    };
    // The entry has to fit into a segment.
    let wal = WalOptions {
        segment_bytes: 1 << 20,
        ..options().wal
    };
    let options = GroupsOptions {
        letters,
        wal,
        ..options()
    };
    let node = start_with(NODES[0], dir.path(), Arc::new(MemoryStore::default()), options).await;
    let written = crate::node::open(&node.groups, 1).await;
    let read = crate::node::open(&node.groups, 2).await;
    for group in [&written, &read] {
        configure(group).await;
        send(group, 100).await;
    }
    // No client can: names of message groups have 128 characters at most. But a peer could.
    let entry = SendEntry {
        group: "x".repeat(70_000),
        ..SendEntry::default()
    };
    poison(&written, entry).await.unwrap();
    written.checkpoint().await.unwrap();
    let seen = read.replica().read(|machine: &Machine| {
        assert!(machine.message_bytes() == 0, "a reader panics");
        machine.message_bytes()
    });
    assert_eq!(seen, 0, "a broken machine is empty for its readers");
    tend_until(&[&node], || node.groups.quarantined().len() == 2).await;
    let reasons = node.groups.quarantined().into_iter().map(|q| q.broken.reason);
    let reasons: Vec<String> = reasons.collect();
    assert!(reasons[0].contains("a group's name is short"), "{reasons:?}");
    assert!(reasons[1].contains("a reader panics"), "{reasons:?}");
    assert!(crate::node::open(&node.groups, 3).await.leadership().leads);
}
