//! The disk of a node is bad: bits flip in its log, its checkpoints or its bodies, or a file loses its
//! end. The node may go on if it can repair the damage from others, or refuse to start. If it refuses,
//! an operator gives it an empty disk and a new number, and takes the old number out of the cluster.
//!
//! One node at a time: what is on a majority must survive it.

use std::rc::Rc;
use std::time::Duration;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

/// A node that is not ready so long after its start does not come back with this disk.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) const ROT: Fault = Fault {
    name: "rot",
    about: "a node is killed, and bits of its files flip or a file loses its end",
    lasts_s: 1..4,
    heals_s: 30,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    let node = occasion.node(&stage);
    let hit = stage.led_by(&[node]).await;
    let what = stage.target.spoil(node, &mut occasion.rng).await?;
    occasion.begun(format!("node {node} is killed; {what}"), hit);
    occasion.over().await;
    stage.target.start(node).await?;
    let back = stage.target.await_ready(node);
    if tokio::time::timeout(PATIENCE, back).await.is_err() {
        let refusal = stage.target.replace_disk(node).await?;
        stage.journal.note(format!(
            "node {node} gets an empty disk and a new number; it said: {refusal}"
        ));
    }
    stage.target.is_sound(node)?;
    stage.await_ready(&stage.target.members()).await
}
