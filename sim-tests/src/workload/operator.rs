//! An operator who drains a node, waits until it has nothing left or loses patience, and puts it back; and who has other nodes
//! lead. With more nodes than replicas, groups move all the while, and come back to nodes that have forgotten them.

use std::time::Duration;

use node::cluster::pb;

use super::queue::pause;
use super::{Context, Workload, now};
use crate::client::admin;

pub(super) const OPERATOR: Workload = Workload {
    name: "operator",
    // It is never drawn among the others: see `scenario`.
    weight: 0,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(4);
/// A node keeps what it has by then.
const PATIENCE: Duration = Duration::from_secs(15);
/// At the end it is told for so long that it may have replicas again, or another one is.
const TRIES_MAX: usize = 40;

async fn run(mut context: Context) -> anyhow::Result<()> {
    while context.loading() {
        let node = context.rng.range(1..context.scenario.nodes + 1);
        if context.rng.percent(30) {
            transfer(&mut context, node).await;
        } else {
            drain(&mut context, node).await;
        }
        pause(&mut context.rng, 2_000).await;
    }
    Ok(())
}

async fn drain(context: &mut Context, node: u64) {
    context.phase(&format!("drains node {node}"));
    if !order(context, node, true).await {
        return;
    }
    let until = now() + PATIENCE;
    while now() < until && context.loading() && !is_empty(context, node).await {
        pause(&mut context.rng, 1_000).await;
    }
    context.phase(&format!("puts node {node} back"));
    for _ in 0..TRIES_MAX {
        if order(context, node, false).await {
            return;
        }
        pause(&mut context.rng, 2_000).await;
    }
}

/// Whether some node took the order.
async fn order(context: &mut Context, node: u64, drain: bool) -> bool {
    let asked = context.rng.range(1..context.scenario.nodes + 1);
    let Some(mut admin) = admin(asked).await else {
        return false;
    };
    let request = pb::DrainRequest { node, drain };
    let answer = tokio::time::timeout(CALL_MAX, admin.drain(request)).await;
    matches!(answer, Ok(Ok(_)))
}

async fn is_empty(context: &mut Context, node: u64) -> bool {
    let asked = context.rng.range(1..context.scenario.nodes + 1);
    let Some(status) = status(asked).await else {
        return false;
    };
    status
        .nodes
        .iter()
        .any(|line| line.id == node && line.placed == 0)
}

/// Has another node lead some group.
async fn transfer(context: &mut Context, asked: u64) {
    context.phase("has another node lead");
    let Some(status) = status(asked).await.filter(|status| !status.groups.is_empty()) else {
        return;
    };
    let group = context.rng.pick(&status.groups).clone();
    if group.replicas.is_empty() {
        return;
    }
    let node = *context.rng.pick(&group.replicas);
    let request = pb::TransferRequest {
        group: group.id,
        node,
    };
    if let Some(mut admin) = admin(asked).await {
        // It may have moved meanwhile.
        let _ = tokio::time::timeout(CALL_MAX, admin.transfer(request)).await;
    }
}

async fn status(asked: u64) -> Option<pb::ClusterStatus> {
    let mut admin = admin(asked).await?;
    let asked = tokio::time::timeout(CALL_MAX, admin.status(pb::StatusRequest {})).await;
    Some(asked.ok()?.ok()?.into_inner())
}
