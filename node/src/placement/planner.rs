//! Decides, on the node that leads the catalog, where groups are to live. What follows from that is done by the groups' leaders
//! (`moves.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use parking_lot::Mutex;
use raft::command::catalog::{CatalogOp, GroupRecord, NodeRecord};
use raft::command::cluster::{EnterEpoch, MoveGroup};
use raft::groups::Groups;
use raft::peers::Peers;
use raft::types::NodeId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::heard::Heard;
use super::plan::{self, Bounds, Node, Placed};
use super::stalls::Stalls;
use super::survey::Survey;
use crate::catalog::CatalogView;
use crate::errands::Errands;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Groups that may be on their way at a time, however large they are.
const MOVES_FEW: usize = 4;
/// More may as long as all together have no more bytes than a node may send in this time,
const MOVES_SPAN: Duration = Duration::from_secs(8);
/// or than this if what it may send has no bound.
const MOVES_BYTES: u64 = 256 << 20;
/// Commands that the catalog is given at a time: they share entries of its log.
const TOLD_AT_ONCE: usize = 64;
/// So far is counted what should change next.
const PLANNED_MAX: usize = 1_000;
/// Stuck groups that the log names one by one at each look.
const NAMED_MAX: usize = 10;

/// How it decides.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Replicas of each group.
    pub replicas: u32,
    /// A node that was not heard of for so long gets nothing any more, and what it has is placed elsewhere.
    pub replace_after: Duration,
    /// What a node may send of states, in bytes a second; 0 for no bound.
    pub snapshot_bytes_per_second: u64,
}

impl Policy {
    /// How much may be on its way at a time.
    fn bounds(&self) -> Bounds {
        let bytes = match self.snapshot_bytes_per_second {
            0 => MOVES_BYTES,
            rate => rate.saturating_mul(MOVES_SPAN.as_secs()),
        };
        Bounds {
            few: MOVES_FEW,
            bytes,
        }
    }
}

/// What it needs to know and to reach.
pub struct Planner {
    /// How it decides.
    pub policy: Policy,
    /// Knows what there is.
    pub catalog: Arc<CatalogView>,
    /// Knows how large the groups are that this node leads.
    pub groups: Arc<Groups>,
    /// Ask the other nodes.
    pub peers: Arc<Peers>,
    /// Tells the catalog.
    pub errands: Errands,
    /// Knows how the moves get on that this node carries out.
    pub stalls: Arc<Stalls>,
    /// Shows what it goes by.
    pub outlook: Arc<Outlook>,
}

/// What the last look went by, on the node that leads the catalog, for whoever wants to know how much is left to do.
#[derive(Default)]
pub struct Outlook(Mutex<Option<Cluster>>);

/// A cluster as the plan sees it.
struct Cluster {
    nodes: Vec<Node>,
    groups: Vec<Placed>,
    wanted: usize,
    /// Why groups that are on their way get no further.
    stuck: BTreeMap<u64, String>,
}

impl Outlook {
    /// How many groups should change next, those aside that are on their way. None says a node that does not lead the catalog, or
    /// has not heard yet how large all groups are.
    pub fn planned(&self) -> Option<u64> {
        let cluster = self.0.lock();
        let cluster = cluster.as_ref()?;
        let are_known = cluster.groups.iter().all(|group| group.bytes.is_some());
        are_known.then(|| cluster.plan(Bounds::count(PLANNED_MAX)).len() as u64)
    }

    /// The groups that are on their way and get no further, and why; none on a node that does not lead the catalog.
    pub fn stuck(&self) -> BTreeMap<u64, String> {
        let cluster = self.0.lock();
        cluster
            .as_ref()
            .map(|cluster| cluster.stuck.clone())
            .unwrap_or_default()
    }
}

impl Cluster {
    fn plan(&self, bounds: Bounds) -> Vec<Placed> {
        plan::plan(&self.nodes, &self.groups, self.wanted, bounds)
    }

    /// Says in the log which groups are newly stuck, and which get on again.
    fn report(&self, before: &BTreeMap<u64, String>) {
        let new = self.stuck.iter().filter(|(group, _)| !before.contains_key(group));
        for (group, reason) in new.clone().take(NAMED_MAX) {
            tracing::warn!(group, reason, "a group that is to live elsewhere gets no further");
        }
        let unnamed = new.count().saturating_sub(NAMED_MAX);
        if unnamed > 0 {
            tracing::warn!(groups = unnamed, "more groups get no further");
        }
        let going = before.keys().filter(|group| !self.stuck.contains_key(group));
        for group in going.take(NAMED_MAX) {
            tracing::info!(group, "a group that got no further does again, or is gone");
        }
    }
}

/// Decides until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(planner: Planner, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut stuck) = (None, BTreeMap::new());
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !planner.catalog.group().leads_with_lease() {
            told = None;
            stuck.clear();
            *planner.outlook.0.lock() = None;
            continue;
        }
        planner.enter_epoch().await;
        let (heard, survey) = told.get_or_insert_with(|| (Heard::default(), planner.survey()));
        let cluster = planner.look(heard, survey);
        cluster.report(&stuck);
        stuck.clone_from(&cluster.stuck);
        let changes = cluster.plan(planner.policy.bounds());
        *planner.outlook.0.lock() = Some(cluster);
        stop.run_until_cancelled(planner.tell(changes)).await;
    }
    Ok(())
}

impl Planner {
    fn survey(&self) -> Survey {
        Survey::new(self.groups.clone(), self.peers.clone(), self.stalls.clone())
    }

    /// The catalog may go on after it lost its majority. Its first command of the new epoch says so,
    /// and must not wait for what an operator or a client orders next: they would go by what was
    /// before.
    async fn enter_epoch(&self) {
        let epoch = self.catalog.group().epoch().unwrap_or(0);
        if self.catalog.read(|c| c.epoch()) < epoch {
            let enter = CatalogOp::EnterEpoch(EnterEpoch { epoch });
            if let Err(error) = self.errands.catalog(enter).await {
                tracing::debug!(%error, "the catalog has not entered its new epoch yet");
            }
        }
    }

    /// Tells the catalog where groups are to live.
    async fn tell(&self, changes: Vec<Placed>) {
        let told = futures::stream::iter(changes).map(async |change| {
            let change = MoveGroup {
                group_id: change.id,
                version: change.version,
                replicas: change.replicas,
            };
            tracing::info!(group = change.group_id, replicas = ?change.replicas, "a group is to live elsewhere");
            if let Err(error) = self.errands.catalog(CatalogOp::MoveGroup(change)).await {
                tracing::debug!(%error, "the catalog was not told where a group is to live");
            }
        });
        told.buffer_unordered(TOLD_AT_ONCE).collect::<()>().await;
    }

    fn look(&self, heard: &mut Heard, survey: &mut Survey) -> Cluster {
        heard.look(&self.catalog);
        let me = self.catalog.group().me();
        let nodes = nodes(
            &self.catalog,
            |node| heard.is_dead(node, self.policy.replace_after),
            |node| node == me || heard.is_there(node),
        );
        let all = nodes.iter().map(|node| NodeId(node.id));
        survey.look(
            all,
            &self
                .catalog
                .read(|c| c.groups().map(|group| group.group_id).collect()),
        );
        let there = nodes.iter().filter(|node| node.is_there);
        let there: BTreeSet<NodeId> = there.map(|node| NodeId(node.id)).collect();
        let mut groups = groups(&self.catalog, |group| survey.bytes(group, &there));
        let mut stuck = BTreeMap::new();
        for group in &mut groups {
            group.is_led = survey.is_led(group.id);
            if !group.is_settled
                && let Some(reason) = survey.stuck(group.id)
            {
                group.is_stuck = true;
                stuck.insert(group.id, reason);
            }
        }
        let wanted = wanted(self.policy.replicas, &nodes, &groups);
        Cluster {
            nodes,
            groups,
            wanted,
            stuck,
        }
    }
}

/// How many replicas groups are to have. Never fewer than a group has already: with too few nodes, one that drains keeps what it
/// has.
pub fn wanted(replicas: u32, nodes: &[Node], groups: &[Placed]) -> usize {
    let wanted = usize::try_from(replicas).unwrap_or(usize::MAX);
    let open = nodes.iter().filter(|node| node.is_open).count();
    let has = groups.iter().map(|group| group.replicas.len()).max().unwrap_or(0);
    if open < has {
        has.min(wanted)
    } else {
        wanted.min(open)
    }
}

/// The nodes as the plan sees them.
pub fn nodes(
    catalog: &CatalogView,
    is_dead: impl Fn(NodeId) -> bool,
    is_there: impl Fn(NodeId) -> bool,
) -> Vec<Node> {
    catalog.read(|c| {
        let node = |node: &NodeRecord| Node {
            id: node.node_id,
            zone: node.zone.clone(),
            is_open: !c.drains(node.node_id) && !is_dead(NodeId(node.node_id)),
            is_there: is_there(NodeId(node.node_id)),
        };
        c.nodes().map(node).collect()
    })
}

/// The groups as the plan sees them; `bytes` says how large one is. All count as led and none as stuck.
pub fn groups(catalog: &CatalogView, bytes: impl Fn(u64) -> Option<u64>) -> Vec<Placed> {
    let placed = |group: &GroupRecord| Placed {
        id: group.group_id,
        version: group.version,
        replicas: group.replicas.clone(),
        is_settled: group.is_settled(),
        is_stuck: false,
        is_led: true,
        bytes: bytes(group.group_id),
    };
    catalog.read(|c| c.groups().map(placed).collect())
}
