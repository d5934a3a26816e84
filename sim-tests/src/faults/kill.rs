//! A node's process dies (kill -9) and starts again: what it wrote, the operating system keeps.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const KILL: Fault = Fault {
    name: "kill",
    percent: 50,
    times_max: 30,
    lasts_ms: 50..4_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.kill(node);
    Ongoing::new(format!("node {node} is killed"), move |stage| stage.start(node))
}
