//! Promises of SQS, checked on what goes in and comes out, without knowing how.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use raft::command::queue::{
    Configure, Delete, QueueAnswer, QueueCommand, QueueOp, QueueReply, Receipt, Receive, Received, Send,
    SendEntry,
};
use raft::command::{Batch, Reply};
use raft::machine::{Machine, MachineKind};

use crate::SEEDS;
use crate::random::Random;

/// How long consumers hold a message.
const VISIBILITY_MS: u64 = 1_000;

pub(crate) fn apply(machine: &mut Machine, now_ms: u64, op: QueueOp) -> QueueAnswer {
    let command = QueueCommand {
        op: Some(op),
        ..QueueCommand::default()
    };
    let batch = Batch {
        now_ms,
        seed: now_ms,
        commands: vec![command.encode_to_vec().into()],
        ..Batch::default()
    };
    match machine.apply(&batch).pop() {
        Some(Reply::Queue(QueueReply { answer: Some(answer) })) => answer,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn new_queue(fifo: bool) -> Machine {
    let mut machine = Machine::new(MachineKind::Queue);
    let settings = Configure {
        version: 1,
        fifo,
        retention_ms: 345_600_000,
        ..Default::default()
    };
    apply(&mut machine, 0, QueueOp::Configure(settings));
    machine
}

fn receive(machine: &mut Machine, now: u64, max: u32) -> Received {
    let receive = Receive {
        max,
        visibility_ms: VISIBILITY_MS,
        ..Receive::default()
    };
    match apply(machine, now, QueueOp::Receive(receive)) {
        QueueAnswer::Received(received) => received,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn delete(machine: &mut Machine, now: u64, receipt: Receipt) {
    apply(
        machine,
        now,
        QueueOp::Delete(Delete {
            receipts: vec![receipt],
        }),
    );
}

/// Consumers that die at random: each message is deleted once, none is lost, none comes after its
/// deletion, and none is with two consumers at a time.
#[test]
fn standard_queues_lose_nothing() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let mut machine = new_queue(false);
        let (mut sent, mut deleted) = (BTreeSet::new(), BTreeSet::new());
        let mut held: BTreeMap<u64, u64> = BTreeMap::new();
        let mut now = 1_000;
        while deleted.len() < 300 {
            now += random.below(200);
            if sent.len() < 300 {
                let delay_ms = if random.chance(20) { random.below(2_000) } else { 0 };
                let entry = SendEntry {
                    body: "x".into(),
                    delay_ms,
                    ..SendEntry::default()
                };
                let answer = apply(&mut machine, now, QueueOp::Send(Send { entries: vec![entry] }));
                let QueueAnswer::Sent(entries) = answer else {
                    panic!("{answer:?}")
                };
                sent.extend(entries.entries.iter().map(|entry| entry.sequence));
            }
            let max = random.below(10) as u32 + 1;
            for message in receive(&mut machine, now, max).messages {
                let receipt = message.receipt.expect("a receipt");
                assert!(!deleted.contains(&receipt.sequence), "seed {seed}: came back");
                let until = held.insert(receipt.sequence, now + VISIBILITY_MS);
                assert!(until.is_none_or(|until| until <= now), "seed {seed}: held by two");
                if random.chance(60) {
                    delete(&mut machine, now, receipt);
                    deleted.insert(receipt.sequence);
                }
            }
            assert!(now < 10_000_000, "seed {seed}: messages are missing");
        }
        assert_eq!(sent, deleted, "seed {seed}");
    }
}

/// The same on a FIFO queue: in each group the first deletions are in the order of sending, and no
/// message is handed out while an earlier receive holds one of its group.
#[test]
fn fifo_groups_keep_their_order_and_lock() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let mut machine = new_queue(true);
        for number in 0..300 {
            let entry = SendEntry {
                body: number.to_string().into(),
                group: format!("g{}", random.below(4)),
                deduplication_id: number.to_string(),
                ..SendEntry::default()
            };
            apply(&mut machine, 1, QueueOp::Send(Send { entries: vec![entry] }));
        }
        let mut done: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        // In each group: what is held and until when.
        let mut held: BTreeMap<String, BTreeMap<u64, u64>> = BTreeMap::new();
        let mut now = 1_000;
        while done.values().map(Vec::len).sum::<usize>() < 300 {
            now += random.below(300);
            held.values_mut()
                .for_each(|held| held.retain(|_, until| *until > now));
            let locked: BTreeSet<String> = held
                .iter()
                .filter(|(_, held)| !held.is_empty())
                .map(|(g, _)| g.clone())
                .collect();
            let max = random.below(10) as u32 + 1;
            let received = receive(&mut machine, now, max);
            // A consumer works in order and stops at the first message that it fails on.
            let mut failed = BTreeSet::new();
            for message in received.messages {
                let receipt = message.receipt.expect("a receipt");
                let group = message.group;
                assert!(!locked.contains(&group), "seed {seed}: {group} is locked");
                let holds = held.entry(group.clone()).or_default();
                holds.insert(receipt.sequence, now + VISIBILITY_MS);
                if random.chance(30) || failed.contains(&group) {
                    failed.insert(group);
                    continue;
                }
                delete(&mut machine, now, receipt);
                holds.remove(&receipt.sequence);
                done.entry(group).or_default().push(receipt.sequence);
            }
            assert!(now < 10_000_000, "seed {seed}: messages are missing");
        }
        assert!(
            done.values().all(|group| group.is_sorted()),
            "seed {seed}: {done:?}"
        );
    }
}
