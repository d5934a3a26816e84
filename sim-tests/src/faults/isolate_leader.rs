//! A leader is cut off from its peers, while clients still reach it: it must not go on answering.

use std::time::Duration;

use raft::types::GroupId;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const ISOLATE_LEADER: Fault = Fault {
    name: "isolate_leader",
    percent: 75,
    times_max: 6,
    lasts_ms: 3_000..9_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let mut leaders = stage.watch.leaders();
    // Clients feel it most where their messages are.
    leaders.retain(|(group, _)| *group != GroupId::CATALOG);
    let node = match leaders.as_slice() {
        [] => stage.any_node(&mut rng),
        leaders => rng.pick(leaders).1.0,
    };
    let others: Vec<u64> = (1..=stage.scenario.nodes)
        .filter(|other| *other != node)
        .collect();
    for other in &others {
        stage.cut(node, *other);
        stage.cut(*other, node);
    }
    Ongoing::new(format!("node {node}, a leader, is alone"), move |stage| {
        for other in &others {
            stage.mend(node, *other);
            stage.mend(*other, node);
        }
    })
}
