//! Some nodes do not hear others any more, who still hear them.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const ONE_WAY: Fault = Fault {
    name: "one_way",
    about: "one-way partition between two groups of nodes",
    lasts_s: 3..10,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let (from, to) = occasion.two_sides(&stage);
    let hit = stage.led_by(&from).await;
    let pairs = stage.one_way(&from, &to);
    stage.cut(&pairs).await?;
    occasion.begun(format!("nothing passes from nodes {from:?} to {to:?}"), hit);
    occasion.over().await;
    stage.mend(&pairs).await?;
    stage.await_ready(&stage.target.members()).await
}
