//! Messages between two nodes take long, and overtake each other.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const DELAY: Fault = Fault {
    name: "delay",
    percent: 40,
    times_max: 10,
    lasts_ms: 500..8_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let (a, b) = two_nodes(stage, &mut rng);
    let latency = Duration::from_millis(rng.range(20..400));
    let usual = stage.scenario.latency_max;
    stage.delay(a, b, latency);
    Ongoing::new(
        format!("messages between nodes {a} and {b} take up to {latency:?}"),
        move |stage| {
            stage.delay(a, b, usual);
        },
    )
}

/// Two different nodes.
pub(super) fn two_nodes(stage: &Stage, rng: &mut Rng) -> (u64, u64) {
    let a = stage.any_node(rng);
    let step = rng.range(1..stage.scenario.nodes);
    (a, (a - 1 + step) % stage.scenario.nodes + 1)
}
