//! A leader is far away: its peers hear all that it says, too late for their answers to count.

use std::time::Duration;

use raft::types::NodeId;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const SLOW_LEADER: Fault = Fault {
    name: "slow_leader",
    percent: 30,
    times_max: 4,
    lasts_ms: 3_000..9_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let leaders = stage.watch.leaders();
    let node = match leaders.as_slice() {
        [] => stage.any_node(&mut rng),
        leaders => rng.pick(leaders).1.0,
    };
    let led = leaders.iter().filter(|(_, leader)| *leader == NodeId(node));
    let led: Vec<String> = led.map(|(group, _)| group.to_string()).collect();
    let others: Vec<u64> = (1..=stage.scenario.nodes)
        .filter(|other| *other != node)
        .collect();
    let latency = Duration::from_millis(rng.range(400..900));
    for other in &others {
        stage.hold_up(node, *other, latency);
    }
    let what = format!(
        "messages from and to node {node}, which leads {}, take {latency:?}",
        led.join(" ")
    );
    Ongoing::new(what, move |stage| {
        for other in &others {
            stage.hold_up_no_more(node, *other);
        }
    })
}
