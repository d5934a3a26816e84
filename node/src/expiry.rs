//! Ticks: a queue that gets no commands expires its messages, too.
//!
//! Machines drop what is too old with each batch, and make visible whose delay or timeout has ended,
//! but only a bounded number of messages. The leader of a partition proposes [`Expire`] as long as
//! there is more. A queue with nothing to drop costs
//! a look at its oldest message, once a second.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use prost::Message;
use raft::command::queue::{Expire, QueueCommand, QueueOp};
use raft::group::Group;
use raft::groups::Groups;
use raft::level::Level;
use raft::machine::queue::Queue;
use raft::types::GroupId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often all partitions are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// The pause while there is more to drop: other commands have their turn, and other groups their
/// share of the log.
const BUSY_INTERVAL: Duration = Duration::from_millis(50);
/// Ticks under way at a time.
const TICKS_MAX: usize = 16;
/// Nobody waits longer for a tick.
const TICK_TIMEOUT: Duration = Duration::from_secs(5);

/// What it needs to know.
pub struct Expiry {
    /// Knows what this node leads.
    pub groups: Arc<Groups>,
}

/// Ticks the partitions that this node leads, until `stop`.
pub async fn run(expiry: Expiry, stop: CancellationToken) {
    let (mut looked, mut busy) = (Instant::now(), Vec::new());
    loop {
        let pause = if busy.is_empty() { INTERVAL } else { BUSY_INTERVAL };
        let paused = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        if paused.is_none() {
            return;
        }
        if looked.elapsed() >= INTERVAL {
            looked = Instant::now();
            busy = expiry.groups.list();
        }
        match stop.run_until_cancelled(expiry.round(busy)).await {
            Some(more) => busy = more,
            None => return,
        }
    }
}

impl Expiry {
    /// Looks at each of these partitions, and ticks those that have something to drop. Returns
    /// those for which time has brought something: they may have more.
    async fn round(&self, groups: Vec<Arc<Group>>) -> Vec<Arc<Group>> {
        let due = groups.into_iter().filter(|group| self.is_due(group));
        let due: Vec<Arc<Group>> = due.collect();
        let ticks = futures::stream::iter(due).map(async |group| tick(&group).await.then_some(group));
        let ticks = ticks.buffer_unordered(TICKS_MAX);
        ticks.filter_map(std::future::ready).collect().await
    }

    fn is_due(&self, group: &Group) -> bool {
        group.id() != GroupId::CATALOG
            && group.leads_with_lease()
            && group.replica().read(|machine| {
                let (queue, now) = (machine.as_queue(), group.time(machine));
                queue.is_some_and(|queue| {
                    queue.level() >= Level::ONE && (queue.has_expired(now) || queue.has_many_due(now))
                })
            })
    }
}

/// Has a partition work off what time has brought, as much as one batch may. Returns whether that
/// was anything. If it was not, another leader, or the next look, does.
pub async fn tick(group: &Group) -> bool {
    let brought = || {
        let replica = group.replica();
        replica.read(|machine| machine.as_queue().map_or(0, Queue::brought_by_time))
    };
    let before = brought();
    let command = QueueCommand {
        invocation: Bytes::new(),
        op: Some(QueueOp::Expire(Expire {})),
    };
    let proposed = group.propose(command.encode_to_vec().into());
    let answered = tokio::time::timeout(TICK_TIMEOUT, proposed).await;
    matches!(answered, Ok(Ok(_))) && brought() > before
}

#[cfg(test)]
mod tests;
