//! A node's process dies (SIGKILL) and starts again; what it wrote, the operating system keeps.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const KILL: Fault = Fault {
    name: "kill",
    about: "SIGKILL of a node, which starts again",
    lasts_s: 1..6,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let hit = stage.led_by(&[node]).await;
    stage.target.kill(node).await?;
    occasion.begun(format!("node {node} is killed"), hit);
    occasion.over().await;
    stage.target.start(node).await?;
    stage.await_ready(&[node]).await
}
