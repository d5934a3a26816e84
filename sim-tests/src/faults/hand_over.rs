//! A node is asked to end: it hands over what it leads, and is started again.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const HAND_OVER: Fault = Fault {
    name: "hand_over",
    percent: 40,
    times_max: 10,
    lasts_ms: 50..100,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.ask_to_end(node);
    Ongoing::new(format!("node {node} is asked to end"), |_| {})
}
