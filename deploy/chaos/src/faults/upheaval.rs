//! Everything at once about who belongs to the cluster: a node joins, another one is drained and removed,
//! and meanwhile one side is cut off from the other and a leader is killed.

use std::rc::Rc;
use std::time::Duration;

use super::{Fault, Run};
use crate::stage::{Occasion, Stage};

/// Between the beginning of the change and what goes wrong with it.
const HEAD_START: Duration = Duration::from_millis(700);

pub(super) const UPHEAVAL: Fault = Fault {
    name: "upheaval",
    about: "a node joins and one leaves while the network is cut and a leader is killed",
    lasts_s: 3..8,
    heals_s: 60,
    once: false,
    run: |stage, occasion| -> Run { Box::pin(run(stage, occasion)) },
};

async fn run(stage: Rc<Stage>, mut occasion: Occasion) -> anyhow::Result<()> {
    stage.target.can_leave().await?;
    let (_, leader) = stage.any_leader(&mut occasion).await?;
    let joined = stage.target.join().await?;
    let leaver = stage.target.leaver(&mut occasion, Some(joined));
    let (one, other) = occasion.two_sides(&stage);
    let hit = stage.led_by(&[leader, leaver]).await;
    occasion.begun(
        format!(
            "node {joined} joins and node {leaver} leaves; {one:?} and {other:?} are cut off from each \
             other, and node {leader} is killed"
        ),
        hit,
    );
    let leaving = stage.target.leave(leaver);
    let trouble = async {
        tokio::time::sleep(HEAD_START).await;
        let pairs = stage.both_ways(&one, &other);
        stage.cut(&pairs).await?;
        stage.target.kill(leader).await?;
        occasion.over().await;
        stage.mend(&pairs).await?;
        if stage.target.members().contains(&leader) {
            stage.target.start(leader).await?;
        }
        anyhow::Ok(())
    };
    let (left, troubled) = tokio::join!(leaving, trouble);
    troubled?;
    if let Err(error) = left {
        // Without a majority a drain may have been refused: ask for it again.
        stage
            .journal
            .note(format!("node {leaver} could not leave at once: {error:#}"));
        stage.await_ready(&stage.target.members()).await?;
        stage.target.leave(leaver).await?;
    }
    stage.await_ready(&stage.target.members()).await
}
