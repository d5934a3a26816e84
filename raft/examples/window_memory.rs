//! What an answered call costs that a queue partition remembers, and how long the longest batch
//! takes while millions of them come and go.
//!
//!     cargo run --release -p raft --example window_memory

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;
use raft::command::Batch;
use raft::command::queue::{ChangeVisibility, QueueCommand, QueueOp, SetLevel};
use raft::machine::{Machine, MachineKind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: u64 = 1_000;

fn main() {
    let mut machine = Machine::new(MachineKind::Queue);
    apply(
        &mut machine,
        0,
        [QueueOp::SetLevel(SetLevel { to: 1 })].into_iter(),
    );
    let before = resident_bytes();
    let mut remembered = 0;
    for millions in [1, 2, 4] {
        let mut longest = Duration::ZERO;
        while remembered < millions * 1_000_000 {
            // Nothing else stays of a command without entries.
            let ops = (0..BATCH).map(|_| QueueOp::ChangeVisibility(ChangeVisibility::default()));
            longest = longest.max(apply(&mut machine, remembered, ops));
            remembered += BATCH;
        }
        let resident = resident_bytes().saturating_sub(before);
        println!(
            "{millions} million calls: {} bytes resident and {} by its own account for each, longest batch {longest:?}",
            resident / remembered,
            machine.remembered().bytes / remembered,
        );
    }
}

/// Applies operations as one batch, each under an invocation of its own; the time that took.
fn apply(machine: &mut Machine, first: u64, ops: impl Iterator<Item = QueueOp>) -> Duration {
    let commands = (first..).zip(ops).map(|(number, op)| {
        let command = QueueCommand {
            invocation: Bytes::copy_from_slice(&(u128::from(number) << 64 | 7).to_be_bytes()),
            op: Some(op),
        };
        command.encode_to_vec().into()
    });
    let batch = Batch {
        now_ms: 1,
        commands: commands.collect(),
        remember_bytes: 1 << 40,
        ..Batch::default()
    };
    let begin = Instant::now();
    machine.apply(&batch);
    begin.elapsed()
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    1024 * kib.unwrap_or(0)
}
