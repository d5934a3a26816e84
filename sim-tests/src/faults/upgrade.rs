//! A rolling upgrade: some nodes begin at the level before and are upgraded one by one. The first one
//! may go back once before the last one is upgraded: until then the cluster's level cannot rise.

use std::collections::BTreeSet;
use std::time::Duration;

use raft::level::Level;

use super::{FAULTS, Fault, Ongoing};
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::stage::Stage;

pub(crate) const UPGRADE: Fault = Fault {
    name: "upgrade",
    percent: 40,
    times_max: 1,
    lasts_ms: 8_000..20_000,
    clock_slack: Duration::ZERO,
    begin,
};

/// Of a hundred nodes, so many begin at the level before, if any do.
const OLD_PERCENT: u64 = 70;
/// Of a hundred upgrades, so many go back once.
const BACK_PERCENT: u64 = 40;

/// The nodes that begin at the level before.
pub(crate) fn old_nodes(scenario: &Scenario) -> BTreeSet<u64> {
    let mut schedule = scenario.schedule.iter();
    let upgrade = schedule.find(|occurrence| FAULTS[occurrence.fault].name == UPGRADE.name);
    upgrade.map_or_else(BTreeSet::new, |upgrade| draw(scenario.nodes, &upgrade.rng))
}

/// At least one of the nodes.
fn draw(nodes: u64, rng: &Rng) -> BTreeSet<u64> {
    let mut rng = rng.child("old nodes");
    let one = rng.range(1..nodes + 1);
    let mut old: BTreeSet<u64> = (1..=nodes).filter(|_| rng.percent(OLD_PERCENT)).collect();
    old.insert(one);
    old
}

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let old = old_nodes(&stage.scenario);
    let pause = Duration::from_millis(rng.range(500..3_000));
    let mut turns: Vec<(u64, Level)> = old.iter().map(|node| (*node, Level::LATEST)).collect();
    if turns.len() > 1 && rng.percent(BACK_PERCENT) {
        let (first, _) = turns[0];
        turns.splice(1..1, [(first, Level::ZERO), (first, Level::LATEST)]);
    }
    for (turn, (node, level)) in turns.into_iter().enumerate() {
        stage.after(pause * turn as u32, move |stage| stage.run_level(node, level));
    }
    Ongoing::new(format!("nodes {old:?} are upgraded, one each {pause:?}"), |_| {})
}
