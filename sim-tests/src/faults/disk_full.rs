//! A node's disk is full: nothing can be added, until somebody makes room.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const DISK_FULL: Fault = Fault {
    name: "disk_full",
    percent: 20,
    times_max: 3,
    lasts_ms: 500..8_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.host(node).dials.set_disk_full(true);
    Ongoing::new(format!("the disk of node {node} is full"), move |stage| {
        stage.host(node).dials.set_disk_full(false);
    })
}
