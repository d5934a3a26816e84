//! One node after the other ends and starts as the other version, while both versions serve.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const ROLLING_UPGRADE: Fault = Fault {
    name: "rolling_upgrade",
    about: "all nodes are upgraded to another version, one after the other",
    lasts_s: 0..1,
    heals_s: 20,
    once: true,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let what = stage.target.begin_upgrade()?;
    let nodes = stage.target.members();
    occasion.begun(
        format!("a rolling upgrade of nodes {nodes:?}{what}"),
        stage.led_by(&nodes).await,
    );
    stage.target.upgrade(&nodes).await?;
    occasion.over().await;
    stage.await_ready(&nodes).await
}
