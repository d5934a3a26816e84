//! What writing checkpoints costs in memory and time.
//!
//!     cargo run --release -p raft --example store_memory -- [rows] [bytes of a row] [KiB of a delta]
//!
//! Prints for each phase the rows written a second, the resident memory after it and its peak within it.
//! The rows' bodies are shared, so that next to none of that is the deltas' own.

use std::fs;
use std::time::Instant;

use bytes::Bytes;
use raft::env::Env;
use raft::machine::{Delta, Row, RowValue};
use raft::store::{FileStore, FileStoreOptions, Store};
use raft::types::GroupId;

/// The allocator of the product: what is given back, and when, is its doing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: GroupId = GroupId(1);
/// The table of messages.
const TABLE: u8 = 0x21;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse().expect("a number"));
    let rows: u64 = arguments.next().unwrap_or(500_000);
    let row_bytes: u64 = arguments.next().unwrap_or(1024);
    let delta_rows = (arguments.next().unwrap_or(256 << 10) << 10) / row_bytes;

    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench {
        store: open(folder.path()),
        bodies: noise(row_bytes as usize + 65_536),
        row_bytes: row_bytes as usize,
        delta_rows,
    };
    println!("{rows} rows of {row_bytes} bytes, {delta_rows} in a delta");
    println!("phase          rows/s   RSS MiB  peak MiB");
    println!("{:14} {:>6} {}", "start", "", memory());
    let clear = Delta {
        clear: true,
        ..Delta::default()
    };
    bench.phase("clear", vec![clear]);
    bench.phase("append", bench.puts(0, rows, 1));
    bench.phase("overwrite", bench.puts(0, rows, 2));
    bench.phase("every third", bench.puts(0, rows, 3));
    bench.phase("delete half", bench.deletes(0, rows / 2));
    bench.phase("append again", bench.puts(rows, rows + rows / 2, 1));
    let mut whole = bench.puts(rows / 2, rows + rows / 2, 1);
    let mut all = Delta {
        clear: true,
        ..Delta::default()
    };
    all.puts.extend(whole.drain(..).flat_map(|delta| delta.puts));
    bench.phase("whole", vec![all]);
    bench.load();
    let started = Instant::now();
    bench.store.forget(GROUP).expect("a working disk");
    println!(
        "{:14} {:>6.1} {}",
        "forget (s)",
        started.elapsed().as_secs_f64(),
        memory()
    );
    println!("on disk: {} MiB", disk_bytes(folder.path()) >> 20);
}

fn open(folder: &std::path::Path) -> FileStore {
    let env = Env::real().expect("the system's randomness");
    let options = FileStoreOptions::default();
    FileStore::open(env.disk, env.random, folder, options).expect("a store")
}

struct Bench {
    store: FileStore,
    bodies: Bytes,
    row_bytes: usize,
    delta_rows: u64,
}

impl Bench {
    fn phase(&self, name: &str, deltas: Vec<Delta>) {
        let count: usize = deltas
            .iter()
            .map(|delta| delta.puts.len() + delta.deletes.len())
            .sum();
        reset_peak();
        let started = Instant::now();
        for delta in deltas {
            self.store
                .write(GROUP, Bytes::from_static(b"header"), delta)
                .expect("a working disk");
        }
        let speed = count as f64 / started.elapsed().as_secs_f64();
        println!("{name:14} {speed:>6.0} {}", memory());
    }

    fn load(&self) {
        reset_peak();
        let started = Instant::now();
        let checkpoint = self
            .store
            .load(GROUP)
            .expect("a working disk")
            .expect("a checkpoint");
        let count = checkpoint.rows.len();
        drop(checkpoint);
        let speed = count as f64 / started.elapsed().as_secs_f64();
        println!("{:14} {speed:>6.0} {}", "load", memory());
    }

    /// Deltas of every `step`th of some rows.
    fn puts(&self, from: u64, to: u64, step: usize) -> Vec<Delta> {
        let numbers: Vec<u64> = (from..to).step_by(step).collect();
        let delta = |numbers: &[u64]| Delta {
            puts: numbers.iter().map(|&number| self.row(number, step)).collect(),
            ..Delta::default()
        };
        numbers.chunks(self.delta_rows as usize).map(delta).collect()
    }

    fn deletes(&self, from: u64, to: u64) -> Vec<Delta> {
        let numbers: Vec<u64> = (from..to).collect();
        let delta = |numbers: &[u64]| Delta {
            deletes: numbers.iter().map(|&number| key(number)).collect(),
            ..Delta::default()
        };
        numbers.chunks(self.delta_rows as usize).map(delta).collect()
    }

    /// A value that is another one for each number and round.
    fn row(&self, number: u64, round: usize) -> Row {
        let at = (number as usize * 7 + round * 1_001) % 65_536;
        Row {
            key: key(number),
            value: RowValue::Encoded(self.bodies.slice(at..at + self.row_bytes)),
        }
    }
}

fn key(number: u64) -> Bytes {
    let mut key = vec![TABLE];
    key.extend(number.to_be_bytes());
    key.into()
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// "RSS peak", in MiB.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let mib = |name: &str| -> u64 {
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number");
        kib / 1024
    };
    format!("{:>9} {:>9}", mib("VmRSS:"), mib("VmHWM:"))
}

/// Lets the peak begin anew.
fn reset_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux");
}

fn disk_bytes(path: &std::path::Path) -> u64 {
    let entries = fs::read_dir(path).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
