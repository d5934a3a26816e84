//! Packets to and from a node get lost.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};
use crate::target::Shape;

pub(super) const LOSS: Fault = Fault {
    name: "loss",
    about: "loss of packets to and from a node",
    lasts_s: 4..10,
    heals_s: 3,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let permille = *occasion.rng.pick(&[20, 100, 300]);
    let hit = stage.led_by(&[node]).await;
    stage.target.shape(node, Shape::Loss { permille }).await?;
    occasion.begun(format!("{permille} of 1000 packets of node {node} get lost"), hit);
    occasion.over().await;
    stage.target.unshape(node).await?;
    stage.await_ready(&[node]).await
}
