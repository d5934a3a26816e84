//! How fast a queue partition applies commands, and what a backlog costs in memory.
//!
//!     cargo run --release -p raft --example machine_speed
//!
//! Bounded: a million small messages, about a gigabyte, well under a minute. It measures the state
//! machine alone, on one thread, with the decoding of commands.

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;
use raft::command::queue::{
    Configure, Delete, QueueAnswer, QueueCommand, QueueOp, QueueReply, Receipt, Receive, Send, SendEntry,
};
use raft::command::{Batch, Reply};
use raft::machine::{Machine, MachineKind};
use raft::types::Millis;

/// Messages that wait while the rest is measured.
const BACKLOG: u64 = 1_000_000;
/// Commands that each number is an average of.
const MEASURED: u64 = 20_000;
/// Commands in a batch.
const BATCH: u64 = 100;

fn main() {
    // First, while the allocator has nothing to reuse.
    memory();
    for (name, fifo, groups) in [
        ("standard", false, 0),
        ("standard, 10,000 tenants", false, 10_000),
        ("standard, one tenant", false, 1),
        ("FIFO, 10,000 groups", true, 10_000),
        ("FIFO, one group", true, 1),
    ] {
        println!("{name}");
        speed(fifo, groups);
    }
}

struct Bench {
    machine: Machine,
    fifo: bool,
    /// 0: messages have none.
    groups: u64,
    now: u64,
    made: u64,
}

impl Bench {
    fn new(fifo: bool, groups: u64) -> Bench {
        let mut bench = Bench {
            machine: Machine::new(MachineKind::Queue),
            fifo,
            groups,
            now: 1,
            made: 0,
        };
        let settings = Configure {
            version: 1,
            fifo,
            retention_ms: 345_600_000,
            ..Configure::default()
        };
        bench.apply(vec![QueueOp::Configure(settings)]);
        bench
    }

    /// Applies operations as one batch; the time that took.
    fn apply(&mut self, ops: Vec<QueueOp>) -> (Duration, Vec<Reply>) {
        self.now += 1;
        let commands = ops.into_iter().map(|op| {
            self.made += 1;
            let key = [self.made.to_be_bytes(), self.now.to_be_bytes()].concat();
            QueueCommand {
                invocation: key.into(),
                op: Some(op),
            }
            .encode_to_vec()
            .into()
        });
        let batch = Batch {
            now_ms: self.now,
            seed: self.now,
            commands: commands.collect(),
            ..Batch::default()
        };
        let begin = Instant::now();
        let replies = self.machine.apply(&batch);
        (begin.elapsed(), replies)
    }

    fn send(&self, position: u64, body: &Bytes) -> QueueOp {
        let number = self.made + position;
        let entry = SendEntry {
            body: body.clone(),
            group: match self.groups {
                0 => String::new(),
                groups => format!("group-{}", number % groups),
            },
            deduplication_id: if self.fifo {
                format!("dedup-{number}")
            } else {
                String::new()
            },
            ..SendEntry::default()
        };
        QueueOp::Send(Send { entries: vec![entry] })
    }

    /// Sends `count` messages; the average for one.
    fn fill(&mut self, count: u64, body: &Bytes) -> Duration {
        let mut spent = Duration::ZERO;
        for _ in 0..count / BATCH {
            let ops = (0..BATCH).map(|position| self.send(position, body)).collect();
            spent += self.apply(ops).0;
        }
        spent / count as u32
    }
}

fn speed(fifo: bool, groups: u64) {
    let mut bench = Bench::new(fifo, groups);
    let body = Bytes::from(vec![b'x'; 100]);
    bench.fill(BACKLOG, &body);
    println!("  send 1:     {:?}", bench.fill(MEASURED, &body));

    let (mut receiving, mut deleting) = (Duration::ZERO, Duration::ZERO);
    let commands = MEASURED / 10;
    for _ in 0..commands {
        let receive = Receive {
            max: 10,
            visibility_ms: 30_000,
            ..Receive::default()
        };
        let (spent, replies) = bench.apply(vec![QueueOp::Receive(receive)]);
        receiving += spent;
        let receipts = receipts(&replies);
        assert_eq!(receipts.len(), 10);
        deleting += bench.apply(vec![QueueOp::Delete(Delete { receipts })]).0;
    }
    println!("  receive 10: {:?}", receiving / commands as u32);
    println!("  delete 10:  {:?}", deleting / commands as u32);

    let begin = Instant::now();
    let rows = bench.machine.take_delta().puts.len();
    println!("  first cut, {rows} rows: {:?}", begin.elapsed());
    bench.fill(BATCH, &body);
    let begin = Instant::now();
    let rows = bench.machine.take_delta().puts.len();
    println!("  next cut, {rows} rows: {:?}", begin.elapsed());
    let begin = Instant::now();
    let visible = bench
        .machine
        .as_queue()
        .map(|queue| queue.visible_count(Millis(bench.now)));
    println!("  visible_count {visible:?}: {:?}", begin.elapsed());
}

fn receipts(replies: &[Reply]) -> Vec<Receipt> {
    match replies {
        [
            Reply::Queue(QueueReply {
                answer: Some(QueueAnswer::Received(received)),
            }),
        ] => received
            .messages
            .iter()
            .filter_map(|message| message.receipt)
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// What 100,000 waiting messages of 1 KiB cost, with the idempotency window.
fn memory() {
    let before = resident_kib();
    let mut bench = Bench::new(false, 0);
    bench.fill(100_000, &Bytes::from(vec![b'x'; 1024]));
    let queue = bench.machine.as_queue().expect("a queue");
    println!(
        "100,000 messages of 1 KiB: {} KiB resident more, {} KiB by its own account",
        resident_kib().saturating_sub(before),
        queue.approximate_bytes() / 1024
    );
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}
