//! The link of a node is slow, in both directions.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};
use crate::target::Shape;

pub(super) const RATE: Fault = Fault {
    name: "rate",
    about: "a rate limit on the link of a node",
    lasts_s: 4..10,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let kbit = *occasion.rng.pick(&[256, 1_000, 8_000]);
    let hit = stage.led_by(&[node]).await;
    stage.target.shape(node, Shape::Rate { kbit }).await?;
    occasion.begun(format!("the link of node {node} has {kbit} kbit/s"), hit);
    occasion.over().await;
    stage.target.unshape(node).await?;
    stage.await_ready(&[node]).await
}
