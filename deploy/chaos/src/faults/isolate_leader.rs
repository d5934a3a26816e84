//! The leader of a queue is cut off from all other nodes, while clients reach it: it must not answer as if it led.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const ISOLATE_LEADER: Fault = Fault {
    name: "isolate_leader",
    about: "two-way partition between the leader of a queue and all other nodes",
    lasts_s: 3..8,
    heals_s: 4,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let (queue, node) = stage.any_leader(&mut occasion).await?;
    let hit = stage.led_by(&[node]).await;
    let others = stage.others(node);
    let pairs = stage.both_ways(&[node], &others);
    stage.cut(&pairs).await?;
    occasion.begun(
        format!("node {node}, the leader of {queue}, is cut off from the other nodes"),
        hit,
    );
    occasion.over().await;
    stage.mend(&pairs).await?;
    stage.await_ready(&stage.target.members()).await
}
