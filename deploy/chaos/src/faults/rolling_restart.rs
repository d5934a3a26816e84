//! One node after the other is asked to end, and started again as soon as it has; the next one follows once it is ready.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const ROLLING_RESTART: Fault = Fault {
    name: "rolling_restart",
    about: "all nodes are restarted politely, one after the other",
    lasts_s: 0..1,
    heals_s: 20,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let nodes = stage.target.members();
    occasion.begun(
        format!("a rolling restart of nodes {nodes:?}"),
        stage.led_by(&nodes).await,
    );
    for node in nodes {
        if occasion.interrupted() {
            break;
        }
        stage.target.restart(node).await?;
        stage.await_ready(&[node]).await?;
    }
    occasion.over().await;
    Ok(())
}
