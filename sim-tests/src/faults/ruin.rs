//! All nodes but one lose their disks. What is left is no majority of any group, so that the cluster must
//! refuse everybody from now on, whatever the others come back as: to go on would be to lie.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::host::Harm;
use crate::rng::Rng;
use crate::stage::Stage;

/// The one fault that a cluster does not survive; see [`crate::scenario::Scenario::ruin`].
pub(crate) const RUIN: Fault = Fault {
    name: "ruin",
    percent: 4,
    times_max: 1,
    lasts_ms: 100..2_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let left = stage.any_node(&mut rng);
    let lost: Vec<u64> = (1..=stage.scenario.nodes).filter(|node| *node != left).collect();
    for node in &lost {
        stage.kill(*node);
        stage.harm(*node, Harm::Wipe);
    }
    Ongoing::new(
        format!("nodes {lost:?} are killed and lose their disks"),
        move |stage| {
            lost.iter().for_each(|node| stage.start(*node));
        },
    )
}
