//! One sync of a node's log fails. The node must stop, and starts again with a page cache that has what
//! the disk has not. Later power is lost, and with it those pages, unless the node has written them
//! again.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const PAGE_CACHE: Fault = Fault {
    name: "page_cache",
    percent: 25,
    times_max: 4,
    lasts_ms: 1_500..8_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let node = stage.any_node(&mut rng);
    stage.host(node).dials.set_next_sync_fails(true);
    Ongoing::new(format!("one sync of node {node}'s log fails"), move |stage| {
        stage.power_loss(node);
        stage.host(node).dials.set_next_sync_fails(false);
        stage.start(node);
    })
}
