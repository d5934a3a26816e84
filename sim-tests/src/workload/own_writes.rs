//! A queue that is empty most of the time: one client sends a message, and receives it as soon as that is
//! acknowledged, from whichever node it comes to. Who does not lead any more must not say that there is none.

use std::time::Duration;

use serde_json::json;

use super::consume::drain;
use super::queue::pause;
use super::{Context, Queue, Workload};

pub(super) const OWN_WRITES: Workload = Workload {
    name: "own_writes",
    weight: 2,
    end_phase: Duration::ZERO,
    run: |context| Box::pin(run(context)),
};

async fn run(mut context: Context) -> anyhow::Result<()> {
    let attributes = json!({"VisibilityTimeout": 20});
    let queue = Queue::create(&context, &context.name, &context.name, attributes).await?;
    let mut number = 0;
    while context.loading() {
        number += 1;
        let input = json!({"MessageBody": format!("{}-{number}", context.name)});
        queue.call("SendMessage", input).await;
        let input = json!({"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
        let received = queue.call("ReceiveMessage", input).await;
        let messages = received.done().and_then(|reply| reply["Messages"].as_array());
        for message in messages.into_iter().flatten() {
            let input = json!({"ReceiptHandle": message["ReceiptHandle"]});
            queue.call("DeleteMessage", input).await;
        }
        pause(&mut context.rng, 200).await;
    }
    drain(&context, &queue).await;
    Ok(())
}
