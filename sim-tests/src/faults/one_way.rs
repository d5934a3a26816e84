//! Some nodes do not hear others any more, who still hear them.

use std::time::Duration;

use super::partition::pairs;
use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const ONE_WAY: Fault = Fault {
    name: "one_way",
    percent: 40,
    times_max: 20,
    lasts_ms: 200..9_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let (from, to) = stage.two_sides(&mut rng);
    for (a, b) in pairs(&from, &to) {
        stage.cut(a, b);
    }
    Ongoing::new(
        format!("nothing passes from nodes {from:?} to {to:?}"),
        move |stage| {
            for (a, b) in pairs(&from, &to) {
                stage.mend(a, b);
            }
        },
    )
}
