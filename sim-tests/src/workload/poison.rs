//! A queue whose state machine panics on one message ([`raft::planted::Bug::PoisonPanics`]). Its replicas are quarantined; what is
//! asked of it gets an error, and soon. For the test `quarantine` only: other runs do not draw it.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use super::queue::pause;
use super::{Context, Queue, Workload, now};
use crate::history::Outcome;

pub(super) const POISON: Workload = Workload {
    name: "poison",
    weight: 0,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

/// How long before the end of the load nothing but errors may come.
const SURE: Duration = Duration::from_secs(5);

async fn run(mut context: Context) -> anyhow::Result<()> {
    let label = context.name.clone();
    let queue = Queue::create(&context, &label, &label, json!({})).await?;
    let poison = json!({"MessageBody": String::from_utf8_lossy(raft::planted::POISON)});
    while context.loading() {
        let sent = queue.call("SendMessage", poison.clone()).await;
        ensure!(
            !matches!(sent, Outcome::Done(_)),
            "a poisoned message was acknowledged"
        );
        pause(&mut context.rng, 500).await;
        let is_late = now() + SURE > context.scenario.load_end;
        let received = queue.call("ReceiveMessage", json!({"WaitTimeSeconds": 0})).await;
        ensure!(
            !is_late || !matches!(received, Outcome::Done(_)),
            "a quarantined queue gives messages out"
        );
    }
    Ok(())
}
