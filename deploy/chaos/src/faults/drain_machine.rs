//! Kubernetes: the machine under a pod is drained, as for its maintenance, and given back.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const DRAIN_MACHINE: Fault = Fault {
    name: "drain_machine",
    about: "kubectl drain of the machine under a node, and uncordon",
    lasts_s: 5..15,
    heals_s: 30,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let hit = stage.led_by(&[node]).await;
    let machine = stage.target.machine(node).await?;
    occasion.begun(
        format!("{machine}, the machine under node {node}, is drained"),
        hit,
    );
    let drained = stage.target.drain_machine(&machine).await;
    occasion.over().await;
    stage.target.give_back(&machine).await?;
    drained?;
    stage.await_ready(&stage.target.members()).await
}
