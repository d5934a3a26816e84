//! A node's clock jumps, forwards or backwards, and back again when this ends.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

/// How far a clock may be off in one direction.
const JUMP_MS_MAX: u64 = 20_000;

pub(super) const CLOCK: Fault = Fault {
    name: "clock",
    percent: 30,
    times_max: 8,
    lasts_ms: 500..10_000,
    clock_slack: Duration::from_millis(2 * JUMP_MS_MAX),
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    let size = rng.range(100..JUMP_MS_MAX) as i64;
    let offset = if rng.percent(50) { size } else { -size };
    stage.host(node).dials.set_clock_offset_ms(offset);
    Ongoing::new(
        format!("the clock of node {node} is {offset} ms off"),
        move |stage| {
            stage.host(node).dials.set_clock_offset_ms(0);
        },
    )
}
