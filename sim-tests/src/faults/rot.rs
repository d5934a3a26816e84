//! A sector in the used part of the victim's log is spoilt while it is down. The node must refuse to start
//! rather than go on with what it has left, unless what is spoilt is not needed any more.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::host::Harm;
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const ROT: Fault = Fault {
    name: "rot",
    percent: 10,
    times_max: 1,
    lasts_ms: 100..2_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, rng: Rng) -> Ongoing {
    let node = stage.scenario.victim;
    stage.kill(node);
    stage.harm_victim(Harm::Rot(rng));
    Ongoing::new(format!("node {node} is killed, and its log rots"), move |stage| {
        stage.start(node)
    })
}
