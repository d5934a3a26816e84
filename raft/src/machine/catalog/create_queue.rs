//! CreateQueue: a new queue with its groups, or the existing one if the caller's idea of it agrees.

use super::placement::Places;
use super::{Answer, Catalog, RowName, placement, redrive, refusal};
use crate::command::catalog::{
    CatalogAnswer, CreateQueue, GroupRecord, QueueRecord, RefusalReason, ResourceKey,
};
use crate::level::Level;
use crate::planted::{Bug, POISON_QUEUE, planted};
use crate::types::Millis;

/// More partitions than any queue needs; a bound on what one command can make.
pub(super) const MAX_PARTITIONS: u32 = 1_024;

impl Catalog {
    pub(super) fn create_queue(&mut self, now: Millis, command: CreateQueue) -> Answer {
        let key = command.key.clone().unwrap_or_default();
        assert!(
            !planted(Bug::PoisonPanics) || key.name != POISON_QUEUE,
            "a poisoned queue was created"
        );
        if let Some(existing) = self.queues.get(&key) {
            return agree(existing, &command);
        }
        if self.deleted_queues.contains(&key) || self.closings.holds(&key) {
            return Err(refusal(RefusalReason::QueueDeletedRecently, &key.name));
        }
        if self.nodes.is_empty() {
            return Err(refusal(RefusalReason::NoNodes, &key.name));
        }
        self.check_redrive(&key, &command.complete)?;
        let partitions = 0..command.partitions.clamp(1, MAX_PARTITIONS);
        let partitions = partitions
            .map(|_| self.place_group(&key, command.replicas, &command.candidates))
            .collect();
        let record = QueueRecord {
            key: Some(key.clone()),
            attributes: command.complete,
            tags: command.tags,
            created_ms: now.0,
            modified_ms: now.0,
            version: self.next_version(),
            partitions,
            growths: Vec::new(),
        };
        self.changes.touch(RowName::Queue(key.clone()));
        self.dead_letter_sources.add(&key, &record.attributes);
        self.queues.insert(key, record.clone());
        Ok(CatalogAnswer::Queue(record))
    }

    /// Makes a group for a partition of a queue. `candidates` are the nodes that are there, if that is
    /// known.
    pub(super) fn place_group(&mut self, queue: &ResourceKey, replicas: u32, candidates: &[u64]) -> u64 {
        let mut group_id = self.next_group;
        if planted(Bug::GroupReused) {
            let free = (1..group_id).find(|id| !self.groups.contains_key(id));
            group_id = free.unwrap_or(group_id);
        }
        self.next_group = self.next_group.max(group_id + 1);
        let drains = |node| self.drains(node);
        let places = Places::new(&self.nodes, drains, self.heeded(candidates));
        let replicas = self.loads.choose(&places, replicas);
        self.loads.add(&replicas);
        let group = GroupRecord {
            group_id,
            members: placement::in_order(&replicas),
            founders: replicas.clone(),
            replicas,
            queue: Some(queue.clone()),
            ..Default::default()
        };
        self.groups.insert(group_id, group);
        self.group_changed(group_id);
        group_id
    }

    /// The candidates that count. Replicas of an older version drop the field, and all must choose
    /// alike: this is the one place that decides.
    fn heeded<'a>(&self, candidates: &'a [u64]) -> &'a [u64] {
        if self.level >= Level::ONE { candidates } else { &[] }
    }
}

/// The existing queue, if it has the attributes that the caller gave (SQS compares only those).
fn agree(existing: &QueueRecord, command: &CreateQueue) -> Answer {
    let same = |name: &str, value: &str| {
        let stored = existing.attributes.get(name).map_or("", String::as_str);
        stored == value || (name == redrive::POLICY && redrive::are_same(stored, value))
    };
    match command.given.iter().find(|(name, value)| !same(name, value)) {
        Some((name, _)) => Err(refusal(RefusalReason::QueueDiffers, name)),
        None => Ok(CatalogAnswer::Queue(existing.clone())),
    }
}
