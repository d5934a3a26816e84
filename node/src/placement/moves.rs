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

use super::stalls::{Seen, Stalls};
use crate::catalog::CatalogView;
use crate::errands::Errands;
use crate::succession;

/// How often groups are looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// Groups that are changed at a time.
const AT_ONCE_MAX: usize = 32;
/// Steps of one group in a row: those that follow at once from each other, and some to spare.
const STEPS_MAX: usize = 8;
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
    /// Knows how each move gets on.
    pub stalls: Arc<Stalls>,
}

/// What a step came to.
enum Step {
    /// The next one follows.
    Done,
    /// The catalog knows that the group has its members.
    Settled,
    /// It is looked at again soon.
    Waits(String),
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
        let now = Instant::now();
        let unsettled = moves.unsettled();
        moves
            .stalls
            .retain(&unsettled.iter().map(|(group, _)| group.id()).collect());
        for (group, record) in unsettled {
            let is_due = moves
                .stalls
                .look(group.id(), Seen::of(&group, record.version), now);
            if is_due && under_way.len() < AT_ONCE_MAX && under_way.insert(group.id()) {
                let moves = moves.clone();
                steps.spawn(async move {
                    moves.advance(&group, &record).await;
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

    /// Goes on with a move as far as that is possible now.
    async fn advance(&self, group: &Group, record: &GroupRecord) {
        let id = group.id();
        // Members change by the catalog's latest word only. By an older one, nodes could become members that the catalog does
        // not know of, and go on with a queue that was deleted (`raft/src/machine/catalog/closings.rs`).
        if self.catalog.catch_up(STEP_MAX).await.is_err() {
            let reason = "the catalog has no leader".to_owned();
            return self.stalls.failed(id, reason, Instant::now());
        }
        for _ in 0..STEPS_MAX {
            // It may be wanted elsewhere by now, or another node may lead it.
            if !self.is_still_wanted(group, record) {
                return;
            }
            let step = tokio::time::timeout(STEP_MAX, self.step(group, record)).await;
            match step {
                Ok(Ok(Step::Done)) => self.stalls.done(id),
                Ok(Ok(Step::Settled)) => return self.stalls.done(id),
                Ok(Ok(Step::Waits(reason))) => return self.stalls.waits(id, reason),
                Ok(Err(reason)) => {
                    tracing::debug!(group = %id, reason, "a step of a move failed");
                    return self.stalls.failed(id, reason, Instant::now());
                }
                Err(_) => {
                    let reason = "no majority agrees to the change of members in time".to_owned();
                    tracing::debug!(group = %id, reason, "a step of a move failed");
                    return self.stalls.failed(id, reason, Instant::now());
                }
            }
        }
    }

    fn is_still_wanted(&self, group: &Group, record: &GroupRecord) -> bool {
        let version = self.catalog.read(|c| c.group(group.id()).map(|g| g.version));
        version == Some(record.version) && group.leadership().leads
    }

    /// Does the next step.
    async fn step(&self, group: &Group, record: &GroupRecord) -> Result<Step, String> {
        let target: BTreeSet<NodeId> = record.replicas.iter().copied().map(NodeId).collect();
        if group.settled_members().as_ref() == Some(&target) {
            return self.settle(record).await;
        }
        let (voters, learners) = group.members();
        let unwanted: BTreeSet<NodeId> = learners.difference(&target).copied().collect();
        if !unwanted.is_empty() {
            return group.remove_learners(unwanted).await.map(|()| Step::Done);
        }
        let new = target
            .iter()
            .find(|node| !voters.contains(node) && !learners.contains(node));
        if let Some(new) = new {
            tracing::info!(group = %group.id(), node = %new, "a node gets a replica");
            return group.add_learner(*new).await.map(|()| Step::Done);
        }
        let lags: BTreeMap<NodeId, Option<u64>> = group.lags().into_iter().collect();
        let lag = |node: &NodeId| lags.get(node).copied().flatten();
        if let Some(behind) = learners
            .iter()
            .find(|node| lag(node).is_none_or(|lag| lag > LAG_MAX))
        {
            return Ok(Step::Waits(format!("node {behind} is not up to date yet")));
        }
        if target.contains(&self.groups.me()) {
            tracing::info!(group = %group.id(), members = ?record.replicas, "a group has moved");
            return group.set_members(target).await.map(|()| Step::Done);
        }
        // This node is to go. Somebody who stays leads first, and goes on from here.
        if voters.is_disjoint(&target) {
            let all = voters.union(&target).copied().collect();
            return group.set_voters(all).await.map(|()| Step::Done);
        }
        let handed_over = succession::hand_over(group, &self.peers, |node| target.contains(&node));
        let handed_over = handed_over.await.map_err(|e| e.to_string());
        handed_over.map(|to| Step::Waits(format!("node {to} is to lead it")))
    }

    async fn settle(&self, record: &GroupRecord) -> Result<Step, String> {
        let settle = SettleGroup {
            group_id: record.group_id,
            version: record.version,
        };
        let answer = self.errands.catalog(CatalogOp::SettleGroup(settle)).await;
        answer.map(|_| Step::Settled).map_err(|e| e.to_string())
    }

    /// Gives some of the groups that others are to lead to them, if they have been there for a while and lack nothing.
    async fn give_back(&self, there: &mut There) {
        there.look(
            &self.peers,
            self.catalog.nodes().iter().map(|node| NodeId(node.node_id)),
        );
        let mut given = 0;
        let mut led: Vec<Arc<Group>> = self.groups.list();
        led.retain(|group| group.leadership().leads);
        let led: Vec<(Arc<Group>, NodeId)> = self.catalog.read(|c| {
            let wanted = |group: &Arc<Group>| {
                let record = c.group(group.id()).filter(|record| record.is_settled())?;
                Some((group.clone(), NodeId(*record.replicas.first()?)))
            };
            led.iter().filter_map(wanted).collect()
        });
        for (group, wanted) in led {
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
