//! Power goes: what a node had not synced is lost, or torn within a write.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

/// Of one node.
pub(super) const POWER: Fault = Fault {
    name: "power",
    percent: 50,
    times_max: 30,
    lasts_ms: 50..4_000,
    clock_slack: Duration::ZERO,
    begin: one,
};

/// Of all nodes at once.
pub(super) const BLACKOUT: Fault = Fault {
    name: "blackout",
    percent: 15,
    times_max: 3,
    lasts_ms: 50..2_000,
    clock_slack: Duration::ZERO,
    begin: all,
};

fn one(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.power_loss(node);
    Ongoing::new(format!("node {node} loses power"), move |stage| stage.start(node))
}

fn all(stage: &mut Stage, _: Rng) -> Ongoing {
    let nodes = stage.scenario.nodes;
    (1..=nodes).for_each(|node| stage.power_loss(node));
    Ongoing::new("all nodes lose power".to_owned(), move |stage| {
        (1..=nodes).for_each(|node| stage.start(node));
    })
}
