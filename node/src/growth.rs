//! Gives standard queues more partitions.
//!
//! A partition is saturated when its log takes batches as fast as it can, each is as large as a batch may be, and more commands
//! wait: more clients would only wait longer. Short of that it takes more in simply by larger batches. The leader of a partition
//! that has been saturated for a while has the catalog double the queue's partitions, up to a limit. New ones are led by the nodes
//! that lead least.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use raft::command::catalog::{AddPartitions, CatalogOp};
use raft::command::queue::QueueOp;
use raft::group::{Group, Load};
use raft::groups::Groups;
use raft::types::{GroupId, Millis};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::QueueView;
use crate::config::Partitions;
use crate::errands::Errands;
use crate::metrics::Live;
use crate::router::RouteError;

/// How often partitions are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// Partitions for each node, unless another limit is set: more than one, because a partition uses one processor at a time.
const PER_NODE: u32 = 2;
/// How long the catalog may take to catch up.
const PATIENCE: Duration = Duration::from_secs(2);

/// What it needs to know and to reach.
pub struct Growth {
    /// Gives its commands.
    pub errands: Errands,
    /// Knows what this node leads.
    pub groups: Arc<Groups>,
    /// How many there may be, and when there are too few.
    pub partitions: Partitions,
    /// Counts the queues that grew.
    pub live: Arc<Live>,
}

/// What is known of a partition that this node leads.
#[derive(Default)]
struct Seen {
    load: Load,
    saturated_for: Duration,
}

/// Watches the partitions that this node leads, until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(growth: Growth, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = BTreeMap::new();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let due = growth.look(&mut seen);
        for group in due {
            let grown = stop.run_until_cancelled(growth.grow(group)).await;
            if let Some(Err(error)) = grown {
                tracing::debug!(%group, %error, "a queue cannot grow yet");
            }
        }
    }
    Ok(())
}

impl Growth {
    /// The partitions that have been saturated for so long that their queues are to grow.
    fn look(&self, seen: &mut BTreeMap<GroupId, Seen>) -> Vec<GroupId> {
        let led = self.groups.list().into_iter();
        let led: Vec<Arc<Group>> = led.filter(|group| group.leadership().leads).collect();
        seen.retain(|id, _| led.iter().any(|group| group.id() == *id));
        let due = led.into_iter().filter(|group| {
            let seen = seen.entry(group.id()).or_default();
            let load = group.load();
            let since = load.since(&std::mem::replace(&mut seen.load, load));
            if self.is_saturated(&since) {
                seen.saturated_for += INTERVAL;
            } else {
                seen.saturated_for = Duration::ZERO;
            }
            seen.saturated_for >= self.partitions.saturation.span
        });
        due.map(|group| group.id()).collect()
    }

    fn is_saturated(&self, load: &Load) -> bool {
        let percent = u64::from(self.partitions.saturation.percent);
        load.batches > 0 && load.full * 100 >= load.batches * percent
    }

    /// Lets the queue of a partition grow, unless it has all that it may have, or has grown a moment ago.
    async fn grow(&self, group: GroupId) -> Result<(), RouteError> {
        let catalog = &self.errands.catalog;
        let record = catalog.read(|c| c.group(group).cloned());
        let Some(key) = record.and_then(|record| record.queue) else {
            return Ok(());
        };
        let Some(queue) = catalog.queue_here(&key).filter(|queue| !queue.settings.fifo) else {
            return Ok(());
        };
        let has = queue.partitions.len() as u32;
        let nodes = catalog.nodes().len() as u32;
        let wanted = (has * 2).min(self.partitions.max.unwrap_or(nodes * PER_NODE));
        if wanted <= has || self.grew_recently(&queue) {
            return Ok(());
        }
        let add = AddPartitions {
            key: Some(key.clone()),
            seen: has,
            wanted,
            replicas: self.partitions.replicas,
            candidates: Vec::new(),
        };
        self.errands.catalog(CatalogOp::AddPartitions(add)).await?;
        let caught_up = catalog.catch_up(PATIENCE).await;
        caught_up.map_err(|_| RouteError::Unavailable(GroupId::CATALOG))?;
        if let Some(queue) = catalog.queue_here(&key) {
            let partitions = queue.partitions.len();
            self.live.requests.queue_grew();
            tracing::info!(queue = key.name, partitions, "a saturated queue has grown");
            self.tell(&queue).await;
        }
        Ok(())
    }

    /// Tells the partitions at once. They would hear of it with their next commands, but receives that wait at them must look for
    /// messages in the new ones, too. One that cannot be told now hears of it in that way.
    async fn tell(&self, queue: &QueueView) {
        let told = queue.partitions.iter().map(|partition| {
            let configure = QueueOp::Configure(queue.configure());
            tokio::time::timeout(PATIENCE, self.errands.queue(partition.group, configure))
        });
        join_all(told).await;
    }

    /// Whether the last growth may not have had its effect yet.
    fn grew_recently(&self, queue: &QueueView) -> bool {
        let rest = Millis(self.partitions.saturation.rest.as_millis() as u64);
        let last = queue.record.growths.last();
        let now = self.errands.catalog.time();
        last.is_some_and(|growth| Millis(growth.at_ms).after(rest) > now)
    }
}
