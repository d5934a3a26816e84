//! A node loses power at the worst moment: just when it has voted, or was given entries to keep. All
//! disks are slow meanwhile, half of the time, so that there is something between the two to be lost.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;
use crate::watch::{Last, Watch};

pub(super) const POUNCE: Fault = Fault {
    name: "pounce",
    percent: 30,
    times_max: 8,
    lasts_ms: 500..4_000,
    clock_slack: Duration::ZERO,
    begin,
};

/// What is waited for.
type Prey = fn(&Watch) -> Last;

const LOOK: Duration = Duration::from_millis(1);
const DISK_MS: u64 = 60;

/// Shared by the fault's steps.
#[derive(Default)]
struct Hunt {
    over: Cell<bool>,
    struck: Cell<Option<u64>>,
}

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let (prey, what): (Prey, _) = match rng.below(2) {
        0 => (Watch::last_vote, "votes"),
        _ => (Watch::last_append, "is given entries"),
    };
    if rng.percent(50) {
        let delay = Duration::from_millis(rng.range(1..DISK_MS));
        slow_disks(stage, delay);
    }
    // Not always the first one, which is often the same.
    let left = rng.range(1..6);
    let hunt = Rc::new(Hunt::default());
    let seen = prey(&stage.watch);
    look(stage, hunt.clone(), prey, seen, left);
    Ongoing::new(
        format!("the {left}. node that {what} from now on loses power"),
        move |stage| {
            hunt.over.set(true);
            slow_disks(stage, Duration::ZERO);
            if let Some(node) = hunt.struck.get() {
                stage.start(node);
            }
        },
    )
}

fn look(stage: &mut Stage, hunt: Rc<Hunt>, prey: Prey, seen: Last, left: u64) {
    if hunt.over.get() {
        return;
    }
    let now = prey(&stage.watch);
    let left = left.saturating_sub(now.times - seen.times);
    match now.node {
        Some(node) if left == 0 => {
            hunt.struck.set(Some(node.0));
            stage.power_loss(node.0);
            stage
                .timeline
                .add(stage.now(), "world", format!("node {node} loses power"));
        }
        _ => stage.after(LOOK, move |stage| look(stage, hunt, prey, now, left)),
    }
}

fn slow_disks(stage: &mut Stage, delay: Duration) {
    for node in 1..=stage.scenario.nodes {
        stage.host(node).dials.set_disk_delay(delay);
    }
}
