//! A node dies and its checkpoint of a group is lost, as sled may lose it. The node has to get the state
//! from another one before it takes part again.

use std::time::Duration;

use raft::types::GroupId;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const LOST_CHECKPOINT: Fault = Fault {
    name: "lost_checkpoint",
    percent: 20,
    times_max: 3,
    lasts_ms: 50..2_000,
    clock_slack: Duration::ZERO,
    begin,
};

/// Groups have the first numbers.
const GROUPS: u64 = 6;

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    // The same node each time: a state that no node has any more is not to be had.
    let node = stage.scenario.victim;
    let group = GroupId(rng.range(0..GROUPS));
    stage.kill(node);
    stage.host(node).lose_checkpoint(group);
    Ongoing::new(
        format!("node {node} is killed and loses its checkpoint of {group}"),
        move |stage| {
            stage.start(node);
        },
    )
}
