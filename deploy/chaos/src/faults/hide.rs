//! A node is cut off from the clients, while the other nodes reach it.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const HIDE: Fault = Fault {
    name: "hide",
    about: "two-way partition between a node and the clients",
    lasts_s: 2..8,
    heals_s: 3,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let pairs = stage.both_ways(&[node], &[crate::target::CLIENTS]);
    stage.cut(&pairs).await?;
    occasion.begun(format!("node {node} is cut off from the clients"), Vec::new());
    occasion.over().await;
    stage.mend(&pairs).await?;
    stage.await_ready(&[node]).await
}
