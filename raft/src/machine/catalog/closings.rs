//! Groups of deleted queues whose replicas may still serve, because their nodes have not heard of
//! the deletion.
//!
//! A queue's name stands for another queue only once nobody can get anything done by the groups of
//! the former one. Each node that had a replica closes it, for ever, and says so
//! ([`CloseReplicas`]). Once a majority cannot be had any more without one of these nodes, the
//! group can commit nothing, and no leader of it holds its lease. Until then the name stays taken.
//!
//! So a leader needs no word of the catalog to go on: as long as it gets commands committed, its
//! queue is the only one of that name. The catalog may be away for hours meanwhile. What a client
//! can see is that messages are still taken for a queue that was deleted where this side of the
//! cluster could not see it; they go with the queue. SQS takes them for a minute, too.
//!
//! What would break this, and why it cannot happen:
//! - A node that closed a replica opens it again: group numbers are never reused, the replica's files are forgotten before
//!   the node reports, and a node opens nothing new before its catalog is up to date.
//! - The group has other members than the catalog believes: as long as a change of members is not settled, every node that may
//!   be a member has to report.
//! - Nodes are lost for good: then they are taken out of the cluster, which counts as their report.

use std::collections::BTreeMap;

use crate::command::catalog::{GroupRecord, ResourceKey};

/// A deleted group that may still get commands done. As a row of the catalog, too.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Closing {
    /// The group.
    #[prost(uint64, tag = "1")]
    pub(super) group_id: u64,
    /// The queue that it was a partition of.
    #[prost(message, optional, tag = "2")]
    pub(super) queue: Option<ResourceKey>,
    /// The nodes that have not closed their replicas. In order of number.
    #[prost(uint64, repeated, tag = "3")]
    pub(super) open: Vec<u64>,
    /// So many of them are no majority, whoever they are.
    #[prost(uint32, tag = "4")]
    pub(super) harmless: u32,
}

impl Closing {
    /// A group that has just been deleted.
    fn of(group: GroupRecord) -> Closing {
        let minority = group.replicas.len().saturating_sub(1) / 2;
        let harmless = if group.is_settled() { minority } else { 0 };
        Closing {
            group_id: group.group_id,
            queue: group.queue,
            open: group.members,
            harmless: harmless as u32,
        }
    }

    fn is_over(&self) -> bool {
        self.open.len() <= self.harmless as usize
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Closings {
    by_group: BTreeMap<u64, Closing>,
    /// How many groups each name waits for.
    names: BTreeMap<ResourceKey, usize>,
}

impl Closings {
    /// Begins to wait for a deleted group, if there is anything to wait for.
    pub(super) fn begin(&mut self, group: GroupRecord) {
        self.insert(Closing::of(group));
    }

    /// Takes in one that began before.
    pub(super) fn insert(&mut self, closing: Closing) {
        if closing.is_over() {
            return;
        }
        *self
            .names
            .entry(closing.queue.clone().unwrap_or_default())
            .or_default() += 1;
        self.by_group.insert(closing.group_id, closing);
    }

    /// A node has closed its replica. Says whether that is news.
    pub(super) fn close(&mut self, group: u64, node: u64) -> bool {
        let Some(closing) = self.by_group.get_mut(&group) else {
            return false;
        };
        let before = closing.open.len();
        closing.open.retain(|open| *open != node);
        let is_news = closing.open.len() < before;
        if closing.is_over()
            && let Some(closing) = self.by_group.remove(&group)
        {
            self.release(&closing.queue.unwrap_or_default());
        }
        is_news
    }

    fn release(&mut self, name: &ResourceKey) {
        if let Some(count) = self.names.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(name);
            }
        }
    }

    /// Whether a name still waits for groups.
    pub(super) fn holds(&self, name: &ResourceKey) -> bool {
        self.names.contains_key(name)
    }

    /// The groups that wait for a node, by number.
    pub(super) fn of_node(&self, node: u64) -> impl Iterator<Item = u64> {
        let closings = self.by_group.values();
        let waiting = closings.filter(move |closing| closing.open.contains(&node));
        waiting.map(|closing| closing.group_id)
    }

    pub(super) fn get(&self, group: u64) -> Option<&Closing> {
        self.by_group.get(&group)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Closing> {
        self.by_group.values()
    }
}
