//! The nodes fall into two parts that do not hear of each other; clients reach both.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const PARTITION: Fault = Fault {
    name: "partition",
    about: "two-way partition between two groups of nodes",
    lasts_s: 3..10,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let (one, other) = occasion.two_sides(&stage);
    let fewer = if one.len() < other.len() { &one } else { &other };
    let hit = stage.led_by(fewer).await;
    let pairs = stage.both_ways(&one, &other);
    stage.cut(&pairs).await?;
    occasion.begun(
        format!("nodes {one:?} and {other:?} are cut off from each other"),
        hit,
    );
    occasion.over().await;
    stage.mend(&pairs).await?;
    stage.await_ready(&stage.target.members()).await
}
