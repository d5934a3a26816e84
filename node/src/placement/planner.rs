//! Decides, on the node that leads the catalog, where groups are to live. What follows from that is done by the groups' leaders
//! (`moves.rs`).

use std::sync::Arc;
use std::time::Duration;

use raft::command::catalog::{CatalogOp, GroupRecord, NodeRecord};
use raft::command::cluster::MoveGroup;
use raft::types::NodeId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::heard::Heard;
use super::plan::{self, Node, Placed};
use crate::catalog::CatalogView;
use crate::errands::Errands;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Groups that may be on their way at a time. Each takes a state over the network and onto a disk.
const MOVES_MAX: usize = 4;

/// How it decides.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Replicas of each group.
    pub replicas: u32,
    /// A node that was not heard of for so long gets nothing any more, and what it has is placed elsewhere.
    pub replace_after: Duration,
}

/// Decides until `stop`.
///
/// # Errors
/// None; it is a part of a node like others.
pub async fn run(
    policy: Policy,
    catalog: Arc<CatalogView>,
    errands: Errands,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Heard::default();
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if !catalog.group().leads_with_lease() {
            heard = Heard::default();
            continue;
        }
        heard.look(&catalog);
        let me = catalog.group().me();
        let nodes = nodes(
            &catalog,
            |node| heard.is_dead(node, policy.replace_after),
            |node| node == me || heard.is_there(node),
        );
        let groups = groups(&catalog);
        for change in plan::plan(
            &nodes,
            &groups,
            wanted(policy.replicas, &nodes, &groups),
            MOVES_MAX,
        ) {
            let change = MoveGroup {
                group_id: change.id,
                version: change.version,
                replicas: change.replicas,
            };
            tracing::info!(group = change.group_id, replicas = ?change.replicas, "a group is to live elsewhere");
            let asked = stop.run_until_cancelled(errands.catalog(CatalogOp::MoveGroup(change)));
            if let Some(Err(error)) = asked.await {
                tracing::debug!(%error, "the catalog was not told where a group is to live");
            }
        }
    }
    Ok(())
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

/// The groups as the plan sees them.
pub fn groups(catalog: &CatalogView) -> Vec<Placed> {
    let placed = |group: &GroupRecord| Placed {
        id: group.group_id,
        version: group.version,
        replicas: group.replicas.clone(),
        is_settled: group.is_settled(),
        // Nobody tells the leader of the catalog yet how large the states of others' groups are: so far, all weigh alike.
        bytes: 0,
    };
    catalog.read(|c| c.groups().map(placed).collect())
}
