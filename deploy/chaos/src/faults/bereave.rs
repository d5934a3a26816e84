//! All nodes die, and one goes on without the others by `unsafe-recover`, catalog and queues alike. Then the others
//! come back with what they had: they must give it up and join.
//!
//! What the lost majority alone had would be lost. So the clients are held first, and the survivor has everything before
//! the others die: the judge's rules hold unchanged, calls that clients repeat afterwards included.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const BEREAVE: Fault = Fault {
    name: "bereave",
    about: "one node goes on alone by unsafe-recover; the others come back with old data",
    lasts_s: 2..6,
    heals_s: 90,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    stage.target.can_recover().await?;
    let nodes = stage.target.members();
    let survivor = occasion.node(&stage);
    let others = stage.others(survivor);
    let hit = stage.led_by(&nodes).await;
    occasion.begun(
        format!("nodes {others:?} are lost, and node {survivor} goes on without them"),
        hit,
    );
    stage.hold_clients(true)?;
    let recovered = recover(&stage, &nodes, survivor).await;
    // They must come to their end in any case.
    stage.hold_clients(false)?;
    recovered?;
    occasion.over().await;
    for node in &others {
        stage.target.start(*node).await?;
    }
    stage.await_ready(&nodes).await
}

async fn recover(stage: &Stage, nodes: &[u64], survivor: u64) -> anyhow::Result<()> {
    stage.await_caught_up(survivor).await?;
    for node in nodes {
        stage.target.kill(*node).await?;
    }
    stage.target.recover_catalog(survivor).await?;
    stage.target.start(survivor).await?;
    stage.await_ready(&[survivor]).await?;
    stage.target.recover_groups(survivor).await
}
