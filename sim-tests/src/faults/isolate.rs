//! One node is cut off for long: the others purge the log that it would need.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const ISOLATE: Fault = Fault {
    name: "isolate",
    percent: 25,
    times_max: 2,
    lasts_ms: 8_000..20_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    let others: Vec<u64> = (1..=stage.scenario.nodes)
        .filter(|other| *other != node)
        .collect();
    for other in &others {
        stage.cut(node, *other);
        stage.cut(*other, node);
    }
    Ongoing::new(format!("node {node} is alone"), move |stage| {
        for other in &others {
            stage.mend(node, *other);
            stage.mend(*other, node);
        }
    })
}
