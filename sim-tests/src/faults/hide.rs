//! Clients do not reach a node, its peers do.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const HIDE: Fault = Fault {
    name: "hide",
    percent: 30,
    times_max: 10,
    lasts_ms: 200..6_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.hide_from_clients(node, true);
    Ongoing::new(format!("clients do not reach node {node}"), move |stage| {
        stage.hide_from_clients(node, false);
    })
}
