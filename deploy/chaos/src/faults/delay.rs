//! Packets from and to a node take longer.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};
use crate::target::Shape;

pub(super) const DELAY: Fault = Fault {
    name: "delay",
    about: "delay of packets to and from a node",
    lasts_s: 4..10,
    heals_s: 3,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let ms = *occasion.rng.pick(&[20, 100, 400]);
    let hit = stage.led_by(&[node]).await;
    stage.target.shape(node, Shape::Delay { ms }).await?;
    occasion.begun(format!("packets of node {node} take {ms} ms longer"), hit);
    occasion.over().await;
    stage.target.unshape(node).await?;
    stage.await_ready(&[node]).await
}
