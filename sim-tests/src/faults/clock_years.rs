//! The clocks of a minority jump by days or years, forwards or backwards, and back again when this
//! ends. No clock that is right may notice: the nodes go by the time that a majority's clocks allow
//! (`node/src/clock`).

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

const DAY_MS: u64 = 86_400_000;
const JUMP_DAYS: std::ops::Range<u64> = 1..4_000;

pub(super) const CLOCK_YEARS: Fault = Fault {
    name: "clock_years",
    percent: 30,
    times_max: 6,
    lasts_ms: 500..20_000,
    // Two nodes may each be off by what is tolerated (a second), and by half of the longest way (a
    // second).
    clock_slack: Duration::from_secs(4),
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let minority = (stage.scenario.nodes - 1) / 2;
    let mut nodes: Vec<u64> = (1..=stage.scenario.nodes).collect();
    let count = rng.range(1..minority + 1);
    let mut jumps = Vec::new();
    for _ in 0..count {
        let node = nodes.remove(rng.below(nodes.len()));
        let size = (rng.range(JUMP_DAYS) * DAY_MS) as i64;
        let offset = if rng.percent(50) { size } else { -size };
        stage.host(node).dials.set_clock_offset_ms(offset);
        jumps.push((node, offset));
    }
    let what = jumps.iter().map(|(node, offset)| {
        let days = offset / DAY_MS as i64;
        format!("the clock of node {node} is {days} days off")
    });
    Ongoing::new(what.collect::<Vec<_>>().join(", "), move |stage| {
        for (node, _) in jumps {
            stage.host(node).dials.set_clock_offset_ms(0);
        }
    })
}
