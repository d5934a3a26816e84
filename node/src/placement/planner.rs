//! Decides, on the node that leads the catalog, where groups are to live. What follows from that is done by the groups' leaders
//! (`moves.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raft::command::catalog::{CatalogOp, GroupRecord, NodeRecord};
use raft::command::cluster::MoveGroup;
use raft::groups::Groups;
use raft::peers::Peers;
use raft::types::NodeId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::heard::Heard;
use super::plan::{self, Node, Placed};
use super::survey::Survey;
use crate::catalog::CatalogView;
use crate::errands::Errands;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Groups that may be on their way at a time. Each takes a state over the network and onto a disk.
const MOVES_MAX: usize = 4;
/// So far is counted what should change next.
const PLANNED_MAX: usize = 1_000;

/// How it decides.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Replicas of each group.
    pub replicas: u32,
    /// A node that was not heard of for so long gets nothing any more, and what it has is placed elsewhere.
    pub replace_after: Duration,
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
}

impl Outlook {
    /// How many groups should change next, those aside that are on their way. None says a node that does not lead the catalog, or
    /// has not heard yet how large all groups are.
    pub fn planned(&self) -> Option<u64> {
        let cluster = self.0.lock();
        let cluster = cluster.as_ref()?;
        let are_known = cluster.groups.iter().all(|group| group.bytes.is_some());
        are_known.then(|| cluster.plan(PLANNED_MAX).len() as u64)
    }
}

impl Cluster {
    fn plan(&self, room: usize) -> Vec<Placed> {
        plan::plan(&self.nodes, &self.groups, self.wanted, room)
    }
}

/// Decides until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(planner: Planner, stop: CancellationToken) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !planner.catalog.group().leads_with_lease() {
            told = None;
            *planner.outlook.0.lock() = None;
            continue;
        }
        let begin = || {
            (
                Heard::default(),
                Survey::new(planner.groups.clone(), planner.peers.clone()),
            )
        };
        let (heard, survey) = told.get_or_insert_with(begin);
        let cluster = planner.look(heard, survey);
        let changes = cluster.plan(MOVES_MAX);
        *planner.outlook.0.lock() = Some(cluster);
        for change in changes {
            let change = MoveGroup {
                group_id: change.id,
                version: change.version,
                replicas: change.replicas,
            };
            tracing::info!(group = change.group_id, replicas = ?change.replicas, "a group is to live elsewhere");
            let asked = stop.run_until_cancelled(planner.errands.catalog(CatalogOp::MoveGroup(change)));
            if let Some(Err(error)) = asked.await {
                tracing::debug!(%error, "the catalog was not told where a group is to live");
            }
        }
    }
    Ok(())
}

impl Planner {
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
        let groups = groups(&self.catalog, |group| survey.bytes(group, &there));
        let wanted = wanted(self.policy.replicas, &nodes, &groups);
        Cluster {
            nodes,
            groups,
            wanted,
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

/// The groups as the plan sees them; `bytes` says how large one is.
pub fn groups(catalog: &CatalogView, bytes: impl Fn(u64) -> Option<u64>) -> Vec<Placed> {
    let placed = |group: &GroupRecord| Placed {
        id: group.group_id,
        version: group.version,
        replicas: group.replicas.clone(),
        is_settled: group.is_settled(),
        bytes: bytes(group.group_id),
    };
    catalog.read(|c| c.groups().map(placed).collect())
}
