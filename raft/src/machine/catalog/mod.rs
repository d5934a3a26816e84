//! The catalog: which nodes, queues and groups exist, and where each group is to live.
//!
//! There is one catalog in a cluster, and every node holds a replica, so that looking up a queue is
//! a local read. The catalog decides placement and records it; carrying it out (starting replicas,
//! moving them) is the node's business. A further kind of resource brings a table of its own, its
//! commands, and a field in `GroupRecord` beside `queue`.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use prost::Message as _;

use crate::command::catalog::{
    CatalogAnswer, CatalogCommand, CatalogOp, CatalogRefusal, CatalogReply, GroupRecord, NodeRecord,
    QueueRecord, RefusalReason, ResourceKey,
};
use crate::command::cluster::NodeStanding;
use crate::command::{Batch, Reply};
use crate::level::{self, Level};
use crate::machine::clock::Clock;
use crate::machine::window::{Window, WindowStats};
use crate::machine::{MachineKind, idempotency};
use crate::types::{GroupId, Millis, NodeId};

mod add_partitions;
mod add_permission;
mod admit_node;
pub mod arn;
mod cancel_move_task;
mod close_replicas;
mod closings;
mod create_queue;
mod dead_letters;
mod delete_queue;
mod drain_node;
mod enter_epoch;
mod move_group;
mod move_tasks;
mod placement;
mod policy;
mod raise_level;
mod recover_group;
mod redrive;
mod register_node;
mod remembered;
mod remove_node;
mod remove_permission;
mod report_move_task;
mod rows;
mod set_queue_attributes;
mod settle_group;
mod start_move_task;
mod tag_queue;
mod tombstones;
mod untag_queue;

pub use add_partitions::GROWTH_SPAN;
use closings::Closings;
use dead_letters::DeadLetterSources;
use move_tasks::MoveTasks;
use placement::Loads;
use remembered::Remembered;
use rows::{Changes, RowName};
use tombstones::Tombstones;

/// The state of the catalog.
pub struct Catalog {
    clock: Clock,
    /// What the cluster behaves by: see `level.rs`.
    level: Level,
    version: u64,
    next_group: u64,
    /// How often the catalog had to go on without its majority.
    epoch: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    /// What is to be known of nodes that are not just there.
    standings: BTreeMap<u64, NodeStanding>,
    queues: BTreeMap<ResourceKey, QueueRecord>,
    groups: BTreeMap<u64, GroupRecord>,
    /// Counts changes of `groups`, since this replica was opened. No part of the state.
    placements: u64,
    /// Which queues send their dead letters where; follows from `queues`.
    dead_letter_sources: DeadLetterSources,
    /// How much is placed on each node; follows from `groups`.
    loads: Loads,
    move_tasks: MoveTasks,
    deleted_queues: Tombstones,
    closings: Closings,
    invocations: Window<Remembered>,
    changes: Changes,
}

/// What a command of the catalog comes to.
type Answer = Result<CatalogAnswer, CatalogRefusal>;

impl Catalog {
    /// An empty catalog.
    pub(super) fn new() -> Catalog {
        Catalog {
            clock: Clock::default(),
            level: Level::ZERO,
            version: 0,
            next_group: GroupId::CATALOG.0 + 1,
            epoch: 0,
            nodes: BTreeMap::new(),
            standings: BTreeMap::new(),
            queues: BTreeMap::new(),
            groups: BTreeMap::new(),
            placements: 0,
            dead_letter_sources: DeadLetterSources::default(),
            loads: Loads::default(),
            move_tasks: MoveTasks::default(),
            deleted_queues: Tombstones::default(),
            closings: Closings::default(),
            invocations: Window::new(idempotency::catalog(Level::ZERO)),
            changes: Changes::default(),
        }
    }

    pub(super) fn apply(&mut self, batch: &Batch) -> Vec<Reply> {
        let now = self.clock.advance(batch.now_ms);
        self.invocations.limit(idempotency::catalog(self.level));
        self.invocations.expire(now);
        for key in self.deleted_queues.expire(now) {
            self.changes.touch(RowName::DeletedQueue(key));
        }
        let commands = batch.commands.iter();
        commands.map(|command| self.reply(now, command)).collect()
    }

    fn reply(&mut self, now: Millis, command: &Bytes) -> Reply {
        if !level::need(MachineKind::Catalog, command).is_met_by(self.level) {
            return Reply::Unintelligible;
        }
        match CatalogCommand::decode(command.clone()) {
            Ok(CatalogCommand {
                invocation,
                op: Some(op),
            }) if is_complete(&op) => {
                let answer = self.once(now, &invocation, op);
                Reply::Catalog(CatalogReply { answer: Some(answer) })
            }
            Ok(_) | Err(_) => Reply::Unintelligible,
        }
    }

    /// Performs an operation unless it was performed before under the same invocation.
    fn once(&mut self, now: Millis, invocation: &[u8], op: CatalogOp) -> CatalogAnswer {
        let Some(key) = idempotency::key(invocation) else {
            return self.perform(now, op);
        };
        let kind = remembered::kind(&op);
        if let Some(first) = self.invocations.get(&key).filter(|first| first.kind == kind) {
            let answer = first.answer.clone();
            if idempotency::renews(self.level) {
                let interval = idempotency::RENEWED_AFTER;
                self.invocations.renew(&key, now, interval);
            }
            return answer;
        }
        let answer = self.perform(now, op);
        if is_passing(&answer) {
            return answer;
        }
        self.invocations.record(
            key,
            now,
            Remembered {
                kind,
                answer: answer.clone(),
            },
        );
        answer
    }

    /// What it remembers of answered calls.
    pub(super) fn remembered(&self) -> WindowStats {
        self.invocations.stats()
    }

    fn perform(&mut self, now: Millis, op: CatalogOp) -> CatalogAnswer {
        let answer = match op {
            CatalogOp::RegisterNode(node) => self.register_node(node),
            CatalogOp::CreateQueue(create) => self.create_queue(now, create),
            CatalogOp::DeleteQueue(key) => self.delete_queue(now, key),
            CatalogOp::SetQueueAttributes(set) => self.set_queue_attributes(now, set),
            CatalogOp::TagQueue(tag) => self.tag_queue(tag),
            CatalogOp::UntagQueue(untag) => self.untag_queue(untag),
            CatalogOp::AddPermission(add) => self.add_permission(now, add),
            CatalogOp::RemovePermission(remove) => self.remove_permission(now, remove),
            CatalogOp::StartMoveTask(start) => self.start_move_task(now, start),
            CatalogOp::CancelMoveTask(cancel) => self.cancel_move_task(&cancel),
            CatalogOp::ReportMoveTask(report) => self.report_move_task(report),
            CatalogOp::AddPartitions(add) => self.add_partitions(now, add),
            CatalogOp::MoveGroup(placed) => self.move_group(placed),
            CatalogOp::SettleGroup(settle) => self.settle_group(settle),
            CatalogOp::DrainNode(drain) => self.drain_node(drain),
            CatalogOp::RemoveNode(remove) => self.remove_node(remove),
            CatalogOp::AdmitNode(admit) => self.admit_node(admit),
            CatalogOp::RaiseLevel(raise) => self.raise_level(raise),
            CatalogOp::RecoverGroup(recover) => self.recover_group(recover),
            CatalogOp::EnterEpoch(enter) => self.enter_epoch(enter),
            CatalogOp::CloseReplicas(close) => self.close_replicas(close),
        };
        answer.unwrap_or_else(CatalogAnswer::Refused)
    }

    /// A queue that a command is about.
    fn existing(&mut self, key: &ResourceKey) -> Result<&mut QueueRecord, CatalogRefusal> {
        let queue = self.queues.get_mut(key);
        queue.ok_or_else(|| refusal(RefusalReason::NoSuchQueue, &key.name))
    }

    /// Notes that a queue's record is another one now.
    fn queue_changed(&mut self, key: ResourceKey) {
        let version = self.next_version();
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.version = version;
        }
        self.changes.touch(RowName::Queue(key));
    }

    /// Notes that a group's record is another one now, or none.
    fn group_changed(&mut self, id: u64) {
        self.placements += 1;
        self.changes.touch(RowName::Group(id));
    }

    /// The time of the last batch.
    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Counts a change.
    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// The cluster's level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Rises with every change of what the accessors show.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<&NodeRecord> {
        self.nodes.get(&id.0)
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeRecord> {
        self.nodes.values()
    }

    /// Whether a node gives away what it has.
    pub fn drains(&self, id: u64) -> bool {
        self.standings.get(&id).is_some_and(|standing| standing.draining)
    }

    /// Whether a node was taken out of the cluster.
    pub fn is_removed(&self, id: u64) -> bool {
        self.standings.get(&id).is_some_and(|standing| standing.removed)
    }

    /// How many nodes were taken out of the cluster.
    pub fn removed(&self) -> usize {
        self.standings
            .values()
            .filter(|standing| standing.removed)
            .count()
    }

    /// Another number whenever groups may live elsewhere than before. Says nothing across restarts.
    pub fn placements(&self) -> u64 {
        self.placements
    }

    /// A queue.
    pub fn queue(&self, key: &ResourceKey) -> Option<&QueueRecord> {
        self.queues.get(key)
    }

    /// The queues of an account in a region whose names start with `prefix`, by name, from the
    /// first one after `after`.
    pub fn queues<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a QueueRecord> {
        let named = |name: &str| ResourceKey {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        };
        let start = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(named(after)),
            None => Bound::Included(named(prefix)),
        };
        let from = self.queues.range((start, Bound::Unbounded));
        let wanted = move |key: &ResourceKey| {
            key.account == account && key.region == region && key.name.starts_with(prefix)
        };
        from.take_while(move |(key, _)| wanted(key))
            .map(|(_, queue)| queue)
    }

    /// The names of the queues whose dead letters go to a queue, all of its account and region, from
    /// the first one after `after`.
    pub fn dead_letter_sources<'a>(
        &'a self,
        target: &ResourceKey,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = &'a str> {
        self.dead_letter_sources.of(target, after)
    }

    /// All queues, by account, region and name.
    pub fn all_queues(&self) -> impl Iterator<Item = &QueueRecord> {
        self.queues.values()
    }

    /// A group.
    pub fn group(&self, id: GroupId) -> Option<&GroupRecord> {
        self.groups.get(&id.0)
    }

    /// Whether there was a group of that number, and is no more: numbers are never reused.
    pub fn was_deleted(&self, id: GroupId) -> bool {
        id.0 < self.next_group && id != GroupId::CATALOG && !self.groups.contains_key(&id.0)
    }

    /// All groups, by number.
    pub fn groups(&self) -> impl Iterator<Item = &GroupRecord> {
        self.groups.values()
    }
}

/// Whether the same call may have another answer a moment later: then it is not remembered.
fn is_passing(answer: &CatalogAnswer) -> bool {
    let CatalogAnswer::Refused(refusal) = answer else {
        return false;
    };
    matches!(
        refusal.reason(),
        RefusalReason::QueueChanged
            | RefusalReason::TooManyMoveTasks
            | RefusalReason::NoNodes
            | RefusalReason::GroupChanged
            | RefusalReason::NodeHasReplicas
    )
}

/// Whether an operation names what it is about. Rows are named by these texts, with zero bytes
/// between them.
fn is_complete(op: &CatalogOp) -> bool {
    let key = match op {
        CatalogOp::RegisterNode(_)
        | CatalogOp::ReportMoveTask(_)
        | CatalogOp::MoveGroup(_)
        | CatalogOp::SettleGroup(_)
        | CatalogOp::DrainNode(_)
        | CatalogOp::RemoveNode(_)
        | CatalogOp::AdmitNode(_)
        | CatalogOp::RaiseLevel(_)
        | CatalogOp::RecoverGroup(_)
        | CatalogOp::CloseReplicas(_)
        | CatalogOp::EnterEpoch(_) => return true,
        CatalogOp::CreateQueue(create) => create.key.as_ref(),
        CatalogOp::DeleteQueue(key) => Some(key),
        CatalogOp::SetQueueAttributes(set) => set.key.as_ref(),
        CatalogOp::TagQueue(tag) => tag.key.as_ref(),
        CatalogOp::UntagQueue(untag) => untag.key.as_ref(),
        CatalogOp::AddPermission(add) => add.key.as_ref(),
        CatalogOp::RemovePermission(remove) => remove.key.as_ref(),
        CatalogOp::StartMoveTask(start) => start.source.as_ref(),
        CatalogOp::CancelMoveTask(cancel) => cancel.source.as_ref(),
        CatalogOp::AddPartitions(add) => add.key.as_ref(),
    };
    key.is_some_and(|key| {
        ![&key.account, &key.region, &key.name]
            .iter()
            .any(|s| s.contains('\0'))
    })
}

fn refusal(reason: RefusalReason, subject: impl Into<String>) -> CatalogRefusal {
    CatalogRefusal {
        reason: reason.into(),
        subject: subject.into(),
    }
}
