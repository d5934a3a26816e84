//! A FIFO queue to which messages are sent again on purpose, as calls of their own: under the same
//! deduplication id, or with the same body, by the same and by the other producer, before and after the
//! first one was received and deleted, and in some runs after the five minutes.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::consume::{consumers, drain};
use super::queue::pause;
use super::{Context, Queue, Workload, now};
use crate::rng::Rng;

pub(super) const DEDUP: Workload = Workload {
    name: "dedup",
    weight: 2,
    end_phase: Duration::from_secs(500),
    run: |context| Box::pin(run(context)),
};

/// SQS's interval, and some more for clocks that were off.
const OVER: Duration = Duration::from_secs(300 + 45);

/// What all producers of a queue have sent.
#[derive(Clone)]
struct Sent {
    queue: Queue,
    /// Without deduplication ids, bodies tell.
    by_content: bool,
    keys: Arc<Mutex<Vec<String>>>,
}

async fn run(context: Context) -> anyhow::Result<()> {
    let mut rng = context.rng.child("queue");
    let by_content = rng.percent(40);
    let attributes = json!({
        "FifoQueue": "true",
        "VisibilityTimeout": rng.range(2..20),
        "ContentBasedDeduplication": by_content.to_string(),
    });
    let name = format!("{}.fifo", context.name);
    let queue = Queue::create(&context, &name, &context.name, attributes).await?;
    let sent = Sent {
        queue: queue.clone(),
        by_content,
        keys: Arc::default(),
    };
    let mut work = consumers(&context, &queue);
    for number in 0..2 {
        let rng = context.rng.child(&format!("producer {number}"));
        let (sent, load_end) = (sent.clone(), context.scenario.load_end);
        work.push(Box::pin(async move {
            sent.produce(rng, number, load_end).await;
            Ok(())
        }));
    }
    futures::future::try_join_all(work).await?;
    drain(&context, &queue).await;
    if rng.percent(30) {
        context.phase("waits until deduplication ids are forgotten");
        tokio::time::sleep(OVER).await;
        let keys = sent.keys.lock().clone();
        for (number, key) in keys.iter().rev().take(20).enumerate() {
            for again in 0..1 + number % 2 {
                sent.send(key, &format!("late {again}"), "late").await;
            }
        }
        drain(&context, &queue).await;
    }
    Ok(())
}

impl Sent {
    async fn produce(&self, mut rng: Rng, number: usize, load_end: Duration) {
        let name = format!("{}-p{number}", self.queue.label);
        let pause_ms = *rng.pick(&[100, 500, 2_000]);
        let mut messages = 0;
        while now() < load_end {
            messages += 1;
            let group = format!("{name}-g{}", rng.below(3));
            let old = self.earlier(&mut rng);
            if let Some(key) = old {
                self.send(&key, &format!("{name}-{messages}"), &group).await;
            } else {
                let key = format!("{name}-{messages}");
                self.keys.lock().push(key.clone());
                self.send(&key, "first", &group).await;
            }
            pause(&mut rng, pause_ms).await;
        }
    }

    /// A key that was sent before, often a recent one, or none.
    fn earlier(&self, rng: &mut Rng) -> Option<String> {
        let keys = self.keys.lock();
        if keys.is_empty() || rng.percent(60) {
            return None;
        }
        let back = if rng.percent(50) {
            keys.len().min(3)
        } else {
            keys.len()
        };
        keys.get(keys.len() - 1 - rng.below(back)).cloned()
    }

    async fn send(&self, key: &str, which: &str, group: &str) {
        let message: Value = if self.by_content {
            json!({"MessageBody": key, "MessageGroupId": group})
        } else {
            let body = format!("{key} {which}");
            json!({"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": key})
        };
        self.queue.call("SendMessage", message).await;
    }
}
