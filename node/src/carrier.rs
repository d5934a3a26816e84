//! Carries messages that leave a partition to the one that they go to: see `raft::machine::queue`, departures.
//!
//! The leader of the partition that they leave does so. It repeats itself until the other side has them, in the order in
//! which they left; whoever leads next goes on from there. Nothing here has to be remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::types::MessageId;
use futures::future::join_all;
use prost::Message;
use raft::command::queue::{Attributes, Delivered, Import, Imported, QueueOp, Settle};
use raft::group::Group;
use raft::groups::Groups;
use raft::machine::catalog::arn;
use raft::machine::queue::Departure;
use raft::types::GroupId;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::errands::Errands;
use crate::polls::Polls;
use crate::router::RouteError;

/// How often all partitions are looked at: those whose leader has changed, or that could not be helped before.
const INTERVAL: Duration = Duration::from_millis(500);
/// Partitions that are helped at a time.
const CARRIED_MAX: usize = 64;
/// Messages carried at a time, and their bytes.
const MESSAGES_MAX: usize = 100;
const BYTES_MAX: usize = 1 << 20;

/// What it needs to know and to reach.
pub struct Carrier {
    errands: Errands,
    groups: Arc<Groups>,
}

/// Helps the partitions that this node leads, until `stop`.
///
/// # Errors
/// If it panics: its partition would not be helped again.
pub async fn run(
    errands: Errands,
    groups: Arc<Groups>,
    polls: Arc<Polls>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let carrier = Arc::new(Carrier { errands, groups });
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = BTreeSet::new();
    let mut carrying = JoinSet::new();
    loop {
        let candidates = tokio::select! {
            // The end comes first.
            biased;
            () = stop.cancelled() => return Ok(()),
            Some(ended) = carrying.join_next() => {
                under_way.remove(&ended.context("carrying messages panicked")?);
                continue;
            }
            left = polls.departures() => left,
            _ = interval.tick() => carrier.groups.list().iter().map(|group| group.id()).collect(),
        };
        for id in candidates {
            if under_way.len() < CARRIED_MAX && !under_way.contains(&id) && carrier.has_work(id) {
                under_way.insert(id);
                let carrier = carrier.clone();
                carrying.spawn(async move {
                    carrier.carry(id).await;
                    id
                });
            }
        }
    }
}

impl Carrier {
    fn led(&self, id: GroupId) -> Option<Arc<Group>> {
        self.groups.get(id).filter(|group| group.leadership().leads)
    }

    fn has_work(&self, id: GroupId) -> bool {
        self.led(id).is_some_and(|group| {
            let replica = group.replica();
            replica.read(|machine| machine.as_queue().is_some_and(|queue| queue.has_departures()))
        })
    }

    /// Carries until nothing is left, or something is in the way.
    async fn carry(&self, origin: GroupId) {
        while let Some(group) = self.led(origin) {
            let batch = group.replica().read(|machine| {
                let queue = machine.as_queue();
                queue.map(|queue| queue.departures(MESSAGES_MAX, BYTES_MAX))
            });
            let Some((departures, messages)) = batch else {
                return;
            };
            // If they cannot be read, the replica stops; if nothing can read now, they are asked
            // for again.
            let Ok(messages) = group.read_letters(messages).await else {
                return;
            };
            // What is for one partition goes there together, in its order; one that cannot be reached does not keep back the others.
            let mut runs: BTreeMap<GroupId, Vec<_>> = BTreeMap::new();
            for (departure, message) in departures.into_iter().zip(messages) {
                let run = runs.entry(departure.target).or_default();
                run.push((departure, message));
            }
            let runs = runs.into_iter();
            let carried = join_all(runs.map(|(target, run)| self.carry_run(origin, target, run))).await;
            if let Some(error) = carried.iter().find_map(|carried| carried.as_ref().err()) {
                tracing::debug!(%origin, %error, "messages cannot leave yet");
                return;
            }
            if carried.is_empty() {
                return;
            }
        }
    }

    /// Carries messages that go to one partition.
    async fn carry_run(
        &self,
        origin: GroupId,
        target: GroupId,
        run: Vec<(Departure, Delivered)>,
    ) -> Result<(), RouteError> {
        let up_to = run.last().map_or(0, |(departure, _)| departure.number);
        let Some(from) = self.errands.catalog.read(|c| c.group(origin).cloned()) else {
            return Err(RouteError::NoSuchGroup(origin));
        };
        let source = from.queue.as_ref().map(arn::of_queue).unwrap_or_default();
        let messages = run
            .into_iter()
            .map(|message| imported(message, &source))
            .collect();
        let import = Import {
            origin: origin.0,
            messages,
        };
        let returned = match self.errands.queue(target, QueueOp::Import(import)).await {
            Ok(()) => false,
            Err(RouteError::NoSuchGroup(_)) => true,
            Err(error) => return Err(error),
        };
        let settle = Settle {
            target: target.0,
            up_to,
            returned,
        };
        self.errands.queue(origin, QueueOp::Settle(settle)).await
    }
}

fn imported((departure, message): (Departure, Delivered), source: &str) -> Imported {
    // The node that sent it encoded them; what cannot be read is none.
    let mut attributes = Attributes::decode(message.attributes).unwrap_or_default();
    let is_dead_letter = departure.task == 0;
    if is_dead_letter {
        source.clone_into(&mut attributes.dead_letter_source);
        attributes.received_before = attributes.received_before.saturating_add(message.receive_count);
    } else {
        // What is moved begins anew.
        attributes.dead_letter_source.clear();
        attributes.received_before = 0;
    }
    // SQS: two dead letters with the same deduplication id are not the same message, so the id is replaced.
    let deduplication_id = if is_dead_letter && !message.deduplication_id.is_empty() {
        let id = message.message_id.as_ref().try_into().unwrap_or_default();
        MessageId(id).to_string()
    } else {
        message.deduplication_id
    };
    Imported {
        number: departure.number,
        message_id: message.message_id,
        body: message.body,
        attributes: attributes.encode_to_vec().into(),
        sent_ms: message.sent_ms,
        first_received_ms: if is_dead_letter {
            message.first_received_ms
        } else {
            0
        },
        group: message.group,
        deduplication_id,
        made_new: !is_dead_letter,
    }
}
