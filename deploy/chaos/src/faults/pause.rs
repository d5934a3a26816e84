//! A node's process stands still (SIGSTOP): its connections stay open, it says nothing, and when it goes on it
//! believes that no time has passed. Half of the time it leads a queue of the steady load.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const PAUSE: Fault = Fault {
    name: "pause",
    about: "SIGSTOP of a node",
    lasts_s: 2..10,
    heals_s: 3,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = match occasion.rng.percent(50) && !occasion.has_node() {
        true => stage.any_leader(&mut occasion).await?.1,
        false => occasion.node(&stage),
    };
    let hit = stage.led_by(&[node]).await;
    stage.target.freeze(node).await?;
    occasion.begun(format!("node {node} stands still"), hit);
    occasion.over().await;
    stage.target.thaw(node).await?;
    stage.await_ready(&[node]).await
}
