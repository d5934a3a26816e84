//! A node is drained and taken out of the cluster for good. If the cluster has no more nodes than founded it, another
//! one joins first.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const LEAVE: Fault = Fault {
    name: "leave",
    about: "a node is drained and removed, after another one has joined if need be",
    lasts_s: 0..1,
    heals_s: 25,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    stage.target.can_leave().await?;
    let joined = if stage.target.members().len() as u64 <= stage.founders {
        let node = stage.target.join().await?;
        stage.await_ready(&[node]).await?;
        Some(node)
    } else {
        None
    };
    let node = stage.target.leaver(&mut occasion, joined);
    let what = joined.map_or_else(String::new, |joined| format!(", after node {joined} has joined"));
    occasion.begun(
        format!("node {node} is drained and removed{what}"),
        stage.led_by(&[node]).await,
    );
    stage.target.leave(node).await?;
    occasion.over().await;
    stage.await_ready(&stage.target.members()).await
}
