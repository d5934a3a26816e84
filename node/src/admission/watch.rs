//! Watches this node's disk and memory.
//!
//! A log that cannot be purged needs no mark of its own. Its files, spares included, are written to
//! their full length and lie on the watched disk, so that they reach its high mark as all else does.
//! Which group keeps the log from shrinking is a metric (`millrace_raft_group_log_holds_bytes`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raft::env::{Env, Space};
use raft::groups::Groups;
use raft::machine::Machine;
use raft::types::NodeId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::marks::{self, Gauge, Marks};
use super::{Admission, Full};

/// How often the disk is looked at. Until the next look it must not fill from the high mark to the
/// last byte.
const INTERVAL: Duration = Duration::from_millis(100);
/// Looks after which memory is looked at, too: that asks each replica.
const MEMORY_LOOKS: u32 = 10;
/// Replicas that are looked at before others of this thread have their turn.
const GROUPS_AT_ONCE: usize = 64;

/// What is watched, and what was found last.
#[derive(Clone, Default)]
pub struct Watched(Arc<Mutex<Found>>);

#[derive(Clone, Copy, Default)]
struct Found {
    space: Option<Space>,
    memory_bytes: u64,
    memory_limit_bytes: Option<u64>,
}

impl Watched {
    /// What is stored in memory, and what the process may have of it, in bytes.
    pub fn memory(&self) -> (u64, Option<u64>) {
        let found = *self.0.lock();
        (found.memory_bytes, found.memory_limit_bytes)
    }
}

/// Watches until `stop`. Where the system tells nothing of its disk or memory, that is never full.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn watch(
    admission: Arc<Admission>,
    watched: Watched,
    marks: Marks,
    env: Env,
    data_dir: PathBuf,
    groups: Arc<Groups>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let me: NodeId = groups.me();
    let limit = marks.memory_limit_bytes.or_else(|| env.host.memory_limit());
    watched.0.lock().memory_limit_bytes = limit;
    // Asking for the space may wait for the disk.
    let (host, found) = (env.host.clone(), watched.clone());
    let look = move || {
        let space = host.space(&data_dir);
        found.0.lock().space = space;
    };
    let worker = env.workers.run("free space", Box::new(look));
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut disk, mut memory, mut looks) = (Gauge::default(), Gauge::default(), 0_u32);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        worker.wake();
        let space = watched.0.lock().space;
        if let Some(space) = space {
            let segment = groups.wal().segment_bytes();
            let bounds = marks.disk(space, segment);
            let used = space.total_bytes.saturating_sub(space.free_bytes);
            if disk.look(used, bounds) && disk.full {
                tracing::warn!(
                    used_bytes = used,
                    free_bytes = space.free_bytes,
                    "the disk of this node is full"
                );
            }
            // What the log holds may have to be written once more before the log can let it go.
            let log = groups.wal().stats().live_segments * segment;
            groups.press(used.saturating_add(log) >= bounds.low);
        }
        if looks.is_multiple_of(MEMORY_LOOKS) {
            let bytes = memory_bytes(&groups).await;
            watched.0.lock().memory_bytes = bytes;
            if let Some(limit) = limit
                && memory.look(bytes, marks::memory(limit))
                && memory.full
            {
                tracing::warn!(bytes, limit, "the memory of this node is full");
            }
        }
        looks = looks.wrapping_add(1);
        admission.told(
            me,
            Full {
                disk: disk.full,
                memory: memory.full,
            },
        );
    }
    Ok(())
}

async fn memory_bytes(groups: &Groups) -> u64 {
    let mut bytes = 0;
    for some in groups.list().chunks(GROUPS_AT_ONCE) {
        bytes += some
            .iter()
            .map(|group| group.replica().read(Machine::memory_bytes))
            .sum::<u64>();
        tokio::task::yield_now().await;
    }
    bytes
}
