//! A queue for dead letters whose messages are moved elsewhere, by one move task after the other; some are cancelled.
//! Both queues have consumers, and in the end all that was sent has been deleted in one of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::consume::{consumers, drain};
use super::dead_letters::arn;
use super::produce::producers;
use super::queue::{fifo, pause};
use super::{Context, Queue, Workload, now};
use crate::history::Outcome;
use crate::invariants::MOVED;
use crate::rng::Rng;

pub(super) const MOVE_TASKS: Workload = Workload {
    name: "move_tasks",
    weight: 3,
    end_phase: Duration::from_secs(60),
    run: |context| Box::pin(run(context)),
};

/// As many as SQS tells of: then the list of them is complete.
const TASKS_MAX: usize = 10;
/// Between two looks at a task, at most.
const PAUSE_MS: u64 = 800;

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queues");
    let is_fifo = rng.percent(50);
    let (end, attributes) = if is_fifo {
        (".fifo", fifo(&context, "both"))
    } else {
        ("", json!({}))
    };
    let moved = format!("{}{MOVED}", context.name);
    let (from, to) = (
        format!("{}{end}", context.name),
        format!("{}-to{end}", context.name),
    );
    let from = Queue::create(&context, &from, &context.name, attributes.clone()).await?;
    let to = Queue::create(&context, &to, &moved, attributes.clone()).await?;
    // Tasks can only start at a queue that another one has for its dead letters.
    let (source, target) = (arn(&from).await?, arn(&to).await?);
    let mut unused = attributes;
    let policy = json!({"deadLetterTargetArn": source, "maxReceiveCount": 5});
    unused["RedrivePolicy"] = policy.to_string().into();
    let name = format!("{}-unused{end}", context.name);
    Queue::create(&context, &name, &name, unused).await?;

    let tasks = Tasks {
        queue: from.clone(),
        source,
        target,
    };
    let mut work = producers(&context, &from, is_fifo);
    if rng.percent(50) {
        work.extend(consumers(&context, &from));
    }
    work.extend(consumers(&context, &to));
    let load_end = context.scenario.load_end;
    let mover = tasks.run(context.rng.child("tasks"), load_end);
    futures::future::try_join(futures::future::try_join_all(work), mover).await?;
    drain(&context, &from).await;
    drain(&context, &to).await;
    Ok(())
}

/// The move tasks from one queue to another.
struct Tasks {
    queue: Queue,
    source: String,
    target: String,
}

impl Tasks {
    /// Starts one after the other, and sees to it that each ends.
    async fn run(&self, mut rng: Rng, load_end: Duration) -> anyhow::Result<()> {
        for _ in 0..TASKS_MAX {
            pause(&mut rng, 5_000).await;
            if now() >= load_end {
                break;
            }
            let mut input = json!({"SourceArn": self.source, "DestinationArn": self.target});
            if rng.percent(50) {
                input["MaxNumberOfMessagesPerSecond"] = (*rng.pick(&[1, 5, 50])).into();
            }
            self.queue.call("StartMessageMoveTask", input).await;
            self.await_end(&mut rng).await;
        }
        Ok(())
    }

    /// Waits until no task runs, and cancels what takes long.
    async fn await_end(&self, rng: &mut Rng) {
        loop {
            let input = json!({"SourceArn": self.source, "MaxResults": TASKS_MAX});
            let outcome = self.queue.call("ListMessageMoveTasks", input).await;
            let tasks = match outcome {
                Outcome::Done(reply) => reply["Results"].as_array().cloned().unwrap_or_default(),
                Outcome::Refused(_) | Outcome::Unknown(_) => continue,
            };
            let is_active = |task: &&Value| task["Status"] == "RUNNING" || task["Status"] == "CANCELLING";
            let Some(task) = tasks.iter().find(is_active) else {
                return;
            };
            if task["Status"] == "RUNNING" && rng.percent(10) {
                let input = json!({"TaskHandle": task["TaskHandle"]});
                self.queue.call("CancelMessageMoveTask", input).await;
            }
            pause(rng, PAUSE_MS).await;
        }
    }
}
