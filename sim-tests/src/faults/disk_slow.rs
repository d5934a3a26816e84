//! A node's disk takes its time.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const DISK_SLOW: Fault = Fault {
    name: "disk_slow",
    percent: 30,
    times_max: 6,
    lasts_ms: 500..8_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    let delay = Duration::from_millis(rng.range(5..250));
    stage.host(node).dials.set_disk_delay(delay);
    Ongoing::new(
        format!("the disk of node {node} takes {delay:?} a round"),
        move |stage| {
            stage.host(node).dials.set_disk_delay(Duration::ZERO);
        },
    )
}
