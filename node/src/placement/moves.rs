//! Carries out what the catalog wants of the groups that this node leads: an ordinary change of members, one step at a time. Each
//! step follows from what is, so that whoever leads next goes on where this one stopped.
//!
//! New members learn first and vote only once they are nearly up to date; a change that takes all of them in and lets the others
//! go follows at once. A leader that is to go hands over before it does. Then the catalog is told, and only then may who went forget its replica.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::{CatalogOp, GroupRecord};
use raft::command::cluster::SettleGroup;
use raft::group::Group;
use raft::groups::Groups;
use raft::peers::Peers;
use raft::types::{GroupId, NodeId};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogView;
use crate::errands::Errands;
use crate::succession;

/// How often groups are looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// Groups that are changed at a time.
const AT_ONCE_MAX: usize = 8;
/// One step may take so long before it is looked at anew.
const STEP_MAX: Duration = Duration::from_secs(10);
/// A learner may vote if it lacks fewer entries of the leader's log: one that nobody has heard of would count in majorities
/// without being able to make one.
pub(crate) const LAG_MAX: u64 = 1_000;
/// A node gets back what it is to lead when it has been there for so long.
const STABLE: Duration = Duration::from_secs(5);
/// Groups that are given to another leader at each look: clients notice each one a little.
const HAND_OVERS_MAX: usize = 4;
/// A group that was given away and came back is not given away again for so long.
const REST: Duration = Duration::from_secs(15);

/// What it needs to know and to reach.
pub struct Moves {
    /// Knows what is wanted.
    pub catalog: Arc<CatalogView>,
    /// Knows what this node leads.
    pub groups: Arc<Groups>,
    /// Knows who is there.
    pub peers: Arc<Peers>,
    /// Tells the catalog.
    pub errands: Errands,
}

/// Carries out moves until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(moves: Moves, stop: CancellationToken) -> anyhow::Result<()> {
    let moves = Arc::new(moves);
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut steps, mut under_way) = (JoinSet::new(), BTreeSet::new());
    let mut there = There::default();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        while let Some(done) = steps.try_join_next() {
            under_way.remove(&done?);
        }
        for (group, record) in moves.unsettled() {
            if under_way.len() < AT_ONCE_MAX && under_way.insert(group.id()) {
                let moves = moves.clone();
                steps.spawn(async move {
                    let step = moves.step(&group, &record);
                    match tokio::time::timeout(STEP_MAX, step).await {
                        Ok(Ok(())) => {}
                        Ok(Err(reason)) => tracing::debug!(group = %group.id(), reason, "a move waits"),
                        Err(_) => tracing::debug!(group = %group.id(), "a step of a move takes long"),
                    }
                    group.id()
                });
            }
        }
        moves.give_back(&mut there).await;
    }
    Ok(())
}

impl Moves {
    /// Groups led by this node whose members are not those that they are to have.
    fn unsettled(&self) -> Vec<(Arc<Group>, GroupRecord)> {
        let wanted: Vec<GroupRecord> = self
            .catalog
            .read(|c| c.groups().filter(|g| !g.is_settled()).cloned().collect());
        let led = wanted.into_iter().filter_map(|record| {
            let group = self.groups.get(GroupId(record.group_id))?;
            group.leadership().leads.then_some((group, record))
        });
        led.collect()
    }

    /// Does the next step.
    async fn step(&self, group: &Group, record: &GroupRecord) -> Result<(), String> {
        let target: BTreeSet<NodeId> = record.replicas.iter().copied().map(NodeId).collect();
        if group.settled_members().as_ref() == Some(&target) {
            return self.settle(record).await;
        }
        let (voters, learners) = group.members();
        let unwanted: BTreeSet<NodeId> = learners.difference(&target).copied().collect();
        if !unwanted.is_empty() {
            return group.remove_learners(unwanted).await;
        }
        let new = target
            .iter()
            .find(|node| !voters.contains(node) && !learners.contains(node));
        if let Some(new) = new {
            tracing::info!(group = %group.id(), node = %new, "a node gets a replica");
            return group.add_learner(*new).await;
        }
        let lags: BTreeMap<NodeId, Option<u64>> = group.lags().into_iter().collect();
        let lag = |node: &NodeId| lags.get(node).copied().flatten();
        if let Some(behind) = learners
            .iter()
            .find(|node| lag(node).is_none_or(|lag| lag > LAG_MAX))
        {
            return Err(format!("{behind} is not up to date yet"));
        }
        if target.contains(&self.groups.me()) {
            tracing::info!(group = %group.id(), members = ?record.replicas, "a group has moved");
            return group.set_members(target).await;
        }
        // This node is to go. Somebody who stays leads first, and goes on from here.
        if voters.is_disjoint(&target) {
            return group.set_voters(voters.union(&target).copied().collect()).await;
        }
        let handed_over = succession::hand_over(group, &self.peers, |node| target.contains(&node));
        handed_over.await.map(drop).map_err(|e| e.to_string())
    }

    async fn settle(&self, record: &GroupRecord) -> Result<(), String> {
        let settle = SettleGroup {
            group_id: record.group_id,
            version: record.version,
        };
        let answer = self.errands.catalog(CatalogOp::SettleGroup(settle)).await;
        answer.map(drop).map_err(|e| e.to_string())
    }

    /// Gives some of the groups that others are to lead to them, if they have been there for a while and lack nothing.
    async fn give_back(&self, there: &mut There) {
        there.look(
            &self.peers,
            self.catalog.nodes().iter().map(|node| NodeId(node.node_id)),
        );
        let mut given = 0;
        for group in self.groups.list() {
            if group.id() == GroupId::CATALOG || !group.leadership().leads {
                continue;
            }
            let record = self.catalog.read(|c| c.group(group.id()).cloned());
            let Some(record) = record.filter(GroupRecord::is_settled) else {
                continue;
            };
            let Some(wanted) = record.replicas.first().copied().map(NodeId) else {
                continue;
            };
            if wanted == self.groups.me() || !there.is_stable(wanted) || there.rests(group.id()) {
                continue;
            }
            let handed_over = succession::hand_over(&group, &self.peers, |node| node == wanted);
            if handed_over.await.is_err() {
                continue;
            }
            tracing::info!(group = %group.id(), to = %wanted, "gives a group to the node that is to lead it");
            there.given.insert(group.id(), Instant::now());
            given += 1;
            if given == HAND_OVERS_MAX {
                return;
            }
        }
    }
}

/// Who could lead.
#[derive(Default)]
struct There {
    /// Since when each of the other nodes has been connected.
    since: BTreeMap<NodeId, Instant>,
    /// When which group was given away.
    given: BTreeMap<GroupId, Instant>,
}

impl There {
    fn look(&mut self, peers: &Peers, nodes: impl Iterator<Item = NodeId>) {
        let connected: BTreeSet<NodeId> = nodes.filter(|node| peers.is_connected(*node)).collect();
        self.since.retain(|node, _| connected.contains(node));
        for node in connected {
            self.since.entry(node).or_insert_with(Instant::now);
        }
        self.given.retain(|_, at| at.elapsed() < REST);
    }

    fn is_stable(&self, node: NodeId) -> bool {
        self.since
            .get(&node)
            .is_some_and(|since| since.elapsed() >= STABLE)
    }

    fn rests(&self, group: GroupId) -> bool {
        self.given.contains_key(&group)
    }
}
