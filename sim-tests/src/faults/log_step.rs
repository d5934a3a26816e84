//! A node's process ends within a step of its log: between two writes or syncs, or where the log goes
//! on to another segment. Either it starts again with the page cache as it was, or power is lost, too.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;
use crate::world::Ending;

pub(super) const LOG_STEP: Fault = Fault {
    name: "log_step",
    percent: 35,
    times_max: 12,
    lasts_ms: 200..4_000,
    clock_slack: Duration::ZERO,
    begin,
};

/// Calls of the disk that are drawn from: a step without another segment makes two.
const CALLS_MAX: u64 = 24;

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    let ending = match rng.percent(50) {
        true => Ending::AtSegment,
        false => Ending::AfterCalls(rng.range(1..CALLS_MAX)),
    };
    // A slow disk has much to do in one step.
    let delay = Duration::from_millis(*rng.pick(&[0, 10, 50, 150]));
    let loses_power = rng.percent(50);
    let host = stage.host(node);
    host.dials.set_ending(Some(ending));
    host.dials.set_disk_delay(delay);
    if loses_power {
        host.hold(true);
    }
    let what = format!(
        "the process of node {node} is to end {ending}, its disk takes {delay:?} a round{}",
        if loses_power { ", and loses power" } else { "" }
    );
    Ongoing::new(what, move |stage| {
        stage.host(node).dials.set_disk_delay(Duration::ZERO);
        if loses_power {
            stage.power_loss(node);
            stage.start(node);
        }
        stage.host(node).dials.set_ending(None);
    })
}
