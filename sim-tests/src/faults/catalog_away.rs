//! Two nodes, one of which leads a queue, hear of each other only, and all other nodes hear of nobody. With five nodes the catalog
//! has no majority then, while queues with replicas on the two may have one: they must go on, and what they acknowledge must count.

use std::time::Duration;

use raft::types::GroupId;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const CATALOG_AWAY: Fault = Fault {
    name: "catalog_away",
    percent: 15,
    times_max: 1,
    lasts_ms: 20_000..90_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let mut leaders = stage.watch.leaders();
    leaders.retain(|(group, _)| *group != GroupId::CATALOG);
    let one = match leaders.as_slice() {
        [] => stage.any_node(&mut rng),
        leaders => rng.pick(leaders).1.0,
    };
    let others: Vec<u64> = (1..=stage.scenario.nodes).filter(|node| *node != one).collect();
    let other = *rng.pick(&others);
    let nodes = 1..=stage.scenario.nodes;
    let pairs: Vec<(u64, u64)> = nodes
        .flat_map(|a| (a + 1..=stage.scenario.nodes).map(move |b| (a, b)))
        .filter(|pair| *pair != (one.min(other), one.max(other)))
        .collect();
    for (a, b) in &pairs {
        stage.cut(*a, *b);
        stage.cut(*b, *a);
    }
    Ongoing::new(
        format!("only nodes {one} and {other} hear of each other"),
        move |stage| {
            for (a, b) in &pairs {
                stage.mend(*a, *b);
                stage.mend(*b, *a);
            }
        },
    )
}
