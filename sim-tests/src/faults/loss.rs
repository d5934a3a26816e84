//! Now and then a message between two nodes is lost, and with it the connection it was on.

use std::time::Duration;

use super::delay::two_nodes;
use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const LOSS: Fault = Fault {
    name: "loss",
    percent: 40,
    times_max: 10,
    lasts_ms: 500..8_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let (a, b) = two_nodes(stage, &mut rng);
    let permille = rng.range(1..30);
    stage.lose(a, b, permille);
    Ongoing::new(
        format!("{permille} of 1000 messages between nodes {a} and {b} break the link"),
        move |stage| {
            stage.lose(a, b, 0);
        },
    )
}
