//! A further node starts and joins.

use std::rc::Rc;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

pub(super) const JOIN: Fault = Fault {
    name: "join",
    about: "a further node joins",
    lasts_s: 0..1,
    heals_s: 10,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = stage.target.join().await?;
    occasion.begun(format!("node {node} joins"), Vec::new());
    stage.await_ready(&[node]).await?;
    occasion.over().await;
    Ok(())
}
