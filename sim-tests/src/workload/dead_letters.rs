//! A queue whose consumers forget much, and the queue for what was received too often: both have consumers,
//! and in the end all that was sent has been deleted in one of them.

use std::time::Duration;

use serde_json::json;

use super::consume::{consumers, drain};
use super::produce::producers;
use super::queue::fifo;
use super::{Context, Queue, Workload};
use crate::history::Outcome;
use crate::invariants::DEAD;

pub(super) const DEAD_LETTERS: Workload = Workload {
    name: "dead_letters",
    weight: 4,
    end_phase: Duration::from_secs(60),
    run: |context| Box::pin(run(context)),
};

/// Between two questions for the name that policies know a queue by.
const PAUSE: Duration = Duration::from_millis(300);

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let is_fifo = rng.percent(50);
    let end = if is_fifo { ".fifo" } else { "" };
    let attributes = |which| match is_fifo {
        true => fifo(&context, which),
        false => json!({}),
    };
    let (name, label) = (
        format!("{}-dead{end}", context.name),
        format!("{}{DEAD}", context.name),
    );
    let dead = Queue::create(&context, &name, &label, attributes("dead letters")).await?;
    let mut attributes = attributes("it");
    let policy = json!({"deadLetterTargetArn": arn(&dead).await?, "maxReceiveCount": rng.range(1..4)});
    attributes["VisibilityTimeout"] = rng.range(1..4).into();
    attributes["RedrivePolicy"] = policy.to_string().into();
    let name = format!("{}{end}", context.name);
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;

    let mut work = producers(&context, &queue, is_fifo);
    work.extend(consumers(&context, &queue));
    work.extend(consumers(&context, &dead));
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    drain(&context, &dead).await;
    Ok(())
}

/// The name that policies know a queue by.
pub(super) async fn arn(queue: &Queue) -> anyhow::Result<String> {
    loop {
        let input = json!({"AttributeNames": ["QueueArn"]});
        match queue.call("GetQueueAttributes", input).await {
            Outcome::Done(reply) => {
                return Ok(reply["Attributes"]["QueueArn"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned());
            }
            Outcome::Refused(error) => anyhow::bail!("GetQueueAttributes: {error}"),
            Outcome::Unknown(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
