//! A node's disk fails to make data durable (EIO from fdatasync). The node must stop, and lose power: what the
//! failed sync was about may be there or not.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const SYNC_ERROR: Fault = Fault {
    name: "sync_error",
    percent: 20,
    times_max: 3,
    lasts_ms: 50..3_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.host(node).dials.set_sync_fails(true);
    Ongoing::new(format!("the disk of node {node} fails to sync"), move |stage| {
        stage.power_loss(node);
        stage.host(node).dials.set_sync_fails(false);
        stage.start(node);
    })
}
