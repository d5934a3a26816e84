//! Most nodes lose their disks: what was acknowledged is gone. No seed draws it. A judge who has nothing to say after
//! it is blind.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const RUIN: Fault = Fault {
    name: "ruin",
    about: "most nodes lose their data: proves that the judge sees it, never drawn",
    lasts_s: 1..2,
    heals_s: 5,
    once: true,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let mut nodes = stage.target.members();
    nodes.truncate(nodes.len() / 2 + 1);
    let hit = stage.led_by(&nodes).await;
    stage.target.wipe(&nodes).await?;
    occasion.begun(format!("nodes {nodes:?} lose their data"), hit);
    occasion.over().await;
    for node in &nodes {
        stage.target.start(*node).await?;
    }
    Ok(())
}
