//! How many durable 1 KiB appends a second the write-ahead log takes from 64 writers (or as many as
//! it is told) in 16 groups, each waiting for its append before the next. Run it in release:
//!
//! ```text
//! cargo run --release -p raft --example wal_bench -- [folder] [seconds] [writers]
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use raft::env::Env;
use raft::types::{GroupId, LogIndex};
use raft::wal::{GroupLog, Wal, WalOptions};
use tokio::sync::{Mutex, oneshot};

const WRITERS: u64 = 64;
const GROUPS: u64 = 16;
const BODY_BYTES: usize = 1024;
/// A group purges when this many entries are behind it, so that segments are recycled.
const PURGE_EVERY: u64 = 10_000;
const SECONDS_MAX: u64 = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().map_or_else(
        || std::env::temp_dir().join(format!("wal-bench-{}", std::process::id())),
        PathBuf::from,
    );
    let seconds = args.next().map_or(Ok(5), |text| text.parse())?.min(SECONDS_MAX);
    let writers = args.next().map_or(Ok(WRITERS), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let wal = Wal::open(&Env::real()?, &folder, WalOptions::default())?;
    for round in ["first use of the files", "recycled files"] {
        let before = wal.stats();
        let started = Instant::now();
        let count = runtime.block_on(run(&wal, writers, Duration::from_secs(seconds)))?;
        let (took, after) = (started.elapsed(), wal.stats());
        let batches = (after.batches - before.batches).max(1);
        println!(
            "{round}: {:.0} appends/s, {} batches of {:.1} records, {:.0} us a batch, {} segments",
            count as f64 / took.as_secs_f64(),
            batches,
            (after.records - before.records) as f64 / batches as f64,
            (after.sync_ns - before.sync_ns) as f64 / batches as f64 / 1000.0,
            after.live_segments,
        );
    }
    runtime.block_on(wal.close())?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn run(wal: &Wal, writers: u64, span: Duration) -> Result<u64, Box<dyn std::error::Error>> {
    let count = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + span;
    let mut groups = Vec::new();
    for group in 0..GROUPS {
        let log = wal.group(GroupId(group));
        let next = log.range().end;
        groups.push(Arc::new(Group {
            log,
            next: Mutex::new(next),
        }));
    }
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let group = groups[(writer % GROUPS) as usize].clone();
        let count = count.clone();
        tasks.push(tokio::spawn(async move {
            while Instant::now() < end {
                group.append().await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    Ok(count.load(Ordering::Relaxed))
}

struct Group {
    log: GroupLog,
    next: Mutex<u64>,
}

impl Group {
    async fn append(&self) {
        let (done, durable) = oneshot::channel();
        {
            let mut next = self.next.lock().await;
            let body = Bytes::from(vec![7; BODY_BYTES]);
            let answer = Box::new(move |result| drop(done.send(result)));
            self.log
                .append(LogIndex(*next), vec![body], answer)
                .expect("the log takes it");
            *next += 1;
            if next.is_multiple_of(PURGE_EVERY) {
                let last = LogIndex(*next - 1);
                self.log.purge(last, Bytes::new()).expect("the log takes it");
            }
        }
        let result = durable.await.expect("every callback is called");
        result.expect("the append is durable");
    }
}
