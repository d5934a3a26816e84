//! The disk of one node is full. The node may stop, saying why; once there is room it starts again.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const DISK_FULL: Fault = Fault {
    name: "disk_full",
    about: "a full disk under one node",
    lasts_s: 15..30,
    heals_s: 6,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = stage.target.small_disk()?;
    let hit = stage.led_by(&[node]).await;
    stage.target.fill_disk(node).await?;
    occasion.begun(format!("the disk of node {node} is full"), hit);
    occasion.over().await;
    stage.target.free_disk(node).await?;
    stage.await_ready(&[node]).await
}
