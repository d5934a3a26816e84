//! Carries out message move tasks: decides which messages leave a queue for dead letters, and for where.
//!
//! The catalog says which tasks run. The leader of each of the source's partitions lets messages go a few at a
//! time (`raft::machine::queue`, moves), no more than may be under way, and reports how far it has got. Getting them to
//! the other side is the carrier's business. Whoever leads next goes on from what the partition has counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use raft::group::Group;
use raft::groups::Groups;
use raft::types::GroupId;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::errands::Errands;
use crate::polls::Polls;

mod destinations;
mod pace;
mod part;

/// How often all tasks are looked at, apart from changes of the catalog: leaders change, too.
const INTERVAL: Duration = Duration::from_millis(500);
/// Parts of tasks that are carried out here at a time. Most of them sleep most of the time.
const PARTS_MAX: usize = 1_024;

/// What it needs to know and to reach.
pub struct Mover {
    /// Gives its commands.
    pub errands: Errands,
    /// Knows what this node leads.
    pub groups: Arc<Groups>,
    /// Learns that messages leave.
    pub polls: Arc<Polls>,
}

/// Carries out what there is to do for the partitions that this node leads, until `stop`.
///
/// # Errors
/// If it panics: a task would not go on.
pub async fn run(mover: Mover, stop: CancellationToken) -> anyhow::Result<()> {
    let mover = Arc::new(mover);
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut catalog = mover.errands.catalog.group().replica().applied();
    let mut under_way = BTreeSet::new();
    let mut moving = JoinSet::new();
    loop {
        tokio::select! {
            // The end comes first.
            biased;
            () = stop.cancelled() => return Ok(()),
            Some(ended) = moving.join_next() => {
                under_way.remove(&ended.context("moving messages panicked")?);
                continue;
            }
            changed = catalog.changed() => if changed.is_err() {
                // The catalog's replica is closed only when the node ends.
                stop.cancelled().await;
                return Ok(());
            },
            _ = interval.tick() => {}
        }
        for part in mover.parts() {
            if under_way.len() < PARTS_MAX && under_way.insert(part) {
                let mover = mover.clone();
                moving.spawn(async move {
                    let (task, group) = part;
                    mover.move_part(task, group).await;
                    part
                });
            }
        }
    }
}

impl Mover {
    /// Tasks and partitions of theirs that this node leads, where something is left to do.
    fn parts(&self) -> Vec<(u64, GroupId)> {
        let parts: Vec<(u64, GroupId)> = self.errands.catalog.read(|catalog| {
            let tasks = catalog.active_move_tasks();
            let parts = tasks.flat_map(|task| {
                let left = task.parts.iter().filter(|part| !part.ended);
                left.map(|part| (task.number, GroupId(part.group)))
            });
            parts.collect()
        });
        let led = parts.into_iter().filter(|(_, group)| self.led(*group).is_some());
        led.collect()
    }

    fn led(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(id).filter(|group| group.leadership().leads)
    }
}
