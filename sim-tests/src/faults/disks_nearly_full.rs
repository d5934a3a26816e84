//! The disks of all nodes are above their high mark at once: sends are refused, everything else goes on, and
//! sends are taken again when there is room.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const DISKS_NEARLY_FULL: Fault = Fault {
    name: "disks_nearly_full",
    percent: 20,
    times_max: 3,
    lasts_ms: 500..10_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, _: Rng) -> Ongoing {
    set(stage, true);
    let what = "the disks of all nodes are nearly full".to_owned();
    Ongoing::new(what, |stage| set(stage, false))
}

fn set(stage: &Stage, full: bool) {
    for node in 1..=stage.scenario.nodes {
        stage.host(node).dials.set_disk_nearly_full(full);
    }
}
