//! A node dies and its checkpoint of a group is lost or damaged, by a disk that does not keep what it was given. The node
//! has to notice, and to get the state from another one before it takes part again.

use std::time::Duration;

use raft::types::GroupId;

use super::{Fault, Ongoing};
use crate::host::Harm;
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
    let (what, harm) = match rng.range(0..2) {
        0 => ("loses", Harm::LostCheckpoint(group)),
        _ => ("finds another", Harm::SpoiltCheckpoint(group, rng)),
    };
    stage.harm(node, harm);
    Ongoing::new(
        format!("node {node} is killed and {what} checkpoint of {group}"),
        move |stage| {
            stage.start(node);
        },
    )
}
