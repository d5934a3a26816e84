//! A rolling restart: one node after the other is asked to end, and started again.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const ROLLING: Fault = Fault {
    name: "rolling",
    percent: 25,
    times_max: 2,
    lasts_ms: 4_000..12_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let pause = Duration::from_millis(rng.range(500..2_500));
    let first = stage.any_node(&mut rng);
    let nodes = stage.scenario.nodes;
    for turn in 0..nodes {
        let node = (first - 1 + turn) % nodes + 1;
        stage.after(pause * turn as u32, move |stage| stage.ask_to_end(node));
    }
    let what = format!("a rolling restart begins with node {first}, a node each {pause:?}");
    Ongoing::new(what, |_| {})
}
