//! All nodes die at once (SIGKILL) and start again. Nothing can be served meanwhile, and nothing may be lost.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const BLACKOUT: Fault = Fault {
    name: "blackout",
    about: "SIGKILL of all nodes at once",
    lasts_s: 1..4,
    heals_s: 6,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let nodes = stage.target.members();
    let hit = stage.led_by(&nodes).await;
    for node in &nodes {
        stage.target.kill(*node).await?;
    }
    occasion.begun("all nodes are killed".to_owned(), hit);
    occasion.over().await;
    for node in &nodes {
        stage.target.start(*node).await?;
    }
    stage.await_ready(&nodes).await
}
