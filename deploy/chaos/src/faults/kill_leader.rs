//! The leader of a queue dies (SIGKILL) and starts again.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const KILL_LEADER: Fault = Fault {
    name: "kill_leader",
    about: "SIGKILL of the node that leads a queue of the steady load",
    lasts_s: 3..6,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let (queue, node) = stage.any_leader(&mut occasion).await?;
    let hit = stage.led_by(&[node]).await;
    stage.target.kill(node).await?;
    occasion.begun(format!("node {node}, the leader of {queue}, is killed"), hit);
    occasion.over().await;
    stage.target.start(node).await?;
    stage.await_ready(&[node]).await
}
