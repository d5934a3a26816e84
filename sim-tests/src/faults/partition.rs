//! The nodes fall into two parts that do not hear of each other.

use std::time::Duration;

use super::{Fault, Ongoing};
use crate::rng::Rng;
use crate::stage::Stage;

pub(super) const PARTITION: Fault = Fault {
    name: "partition",
    percent: 50,
    times_max: 20,
    lasts_ms: 200..9_000,
    clock_slack: Duration::ZERO,
    begin,
};

fn begin(stage: &mut Stage, mut rng: Rng) -> Ongoing {
    let (one, other) = stage.two_sides(&mut rng);
    for (a, b) in pairs(&one, &other) {
        stage.cut(a, b);
        stage.cut(b, a);
    }
    Ongoing::new(
        format!("nodes {one:?} and {other:?} are cut off from each other"),
        move |stage| {
            for (a, b) in pairs(&one, &other) {
                stage.mend(a, b);
                stage.mend(b, a);
            }
        },
    )
}

/// Each of one side with each of the other.
pub(super) fn pairs(one: &[u64], other: &[u64]) -> Vec<(u64, u64)> {
    one.iter().flat_map(|a| other.iter().map(|b| (*a, *b))).collect()
}
