//! The victim comes back with an empty disk under its old number. It has lost votes and promises, so that
//! the cluster must refuse it.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::host::Harm;
use crate::rng::Rng;
use crate::stage::Stage;

pub(crate) const WIPE: Fault = Fault {
    name: "wipe",
    percent: 10,
    times_max: 1,
    lasts_ms: 100..2_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, _: Rng) -> Ongoing {
    let node = stage.scenario.victim;
    stage.kill(node);
    stage.harm_victim(Harm::Wipe);
    Ongoing::new(
        format!("node {node} is killed and loses its disk"),
        move |stage| stage.start(node),
    )
}
