//! A queue of a workload, and calls on it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use crate::client::{Client, Manner};
use crate::history::{COUNTS, Outcome};
use crate::rng::Rng;

/// A queue; clones are the same one.
#[derive(Clone)]
pub struct Queue {
    /// What the history calls it.
    pub label: String,
    url: String,
    client: Arc<dyn Client>,
}

/// What a FIFO queue is made from: some are for high throughput, so that their groups are spread over partitions.
pub(super) fn fifo(context: &Context, which: &str) -> Value {
    let mut rng = context.rng.child(&format!("throughput of {which}"));
    if rng.percent(50) {
        return json!({"FifoQueue": "true"});
    }
    json!({
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    })
}

/// A creation that came to nothing is tried again: the workload cannot do without.
const PAUSE: Duration = Duration::from_millis(300);

impl Queue {
    /// Creates it, however long that takes. Attributes are texts or numbers.
    pub async fn create(
        context: &Context,
        name: &str,
        label: &str,
        attributes: Value,
    ) -> anyhow::Result<Queue> {
        let input = json!({"QueueName": name, "Attributes": texts(&attributes)});
        loop {
            let creation = context
                .client
                .call_so(Manner::PATIENT, label, "CreateQueue", input.clone());
            match creation.await {
                Outcome::Done(reply) => {
                    return Ok(Queue {
                        label: label.to_owned(),
                        url: reply["QueueUrl"].as_str().unwrap_or_default().to_owned(),
                        client: context.client.clone(),
                    });
                }
                Outcome::Refused(error) => anyhow::bail!("CreateQueue {name}: {error}"),
                Outcome::Unknown(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Calls an operation with the queue's URL added to the input.
    pub async fn call(&self, operation: &'static str, input: Value) -> Outcome {
        self.call_so(Manner::PATIENT, operation, input).await
    }

    /// The same in another manner.
    pub async fn call_so(&self, manner: Manner, operation: &'static str, mut input: Value) -> Outcome {
        input["QueueUrl"] = self.url.clone().into();
        let client = &self.client;
        client.call_so(manner, &self.label, operation, input).await
    }

    /// Sets attributes, which are texts or numbers.
    pub async fn set(&self, attributes: Value) -> Outcome {
        let input = json!({"Attributes": texts(&attributes)});
        self.call("SetQueueAttributes", input).await
    }

    /// Whether the queue says that it has no message in any state; None if it does not say.
    pub async fn is_empty(&self) -> Option<bool> {
        let outcome = self
            .call("GetQueueAttributes", json!({"AttributeNames": COUNTS}))
            .await;
        let attributes = &outcome.done()?["Attributes"];
        Some(COUNTS.iter().all(|name| attributes[*name] == "0"))
    }
}

/// Puts what makes a queue FIFO to its other attributes.
pub(super) fn make_fifo(context: &Context, attributes: &mut Value) {
    for (name, value) in fifo(context, "it").as_object().into_iter().flatten() {
        attributes[name] = value.clone();
    }
}

/// SQS takes attributes as texts.
fn texts(attributes: &Value) -> Value {
    let object = attributes.as_object().cloned().unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    object
        .into_iter()
        .map(|(name, value)| (name, Value::String(text(value))))
        .collect()
}

/// A pause of up to so long.
pub(super) async fn pause(rng: &mut Rng, ms_max: u64) {
    tokio::time::sleep(Duration::from_millis(rng.range(1..ms_max + 1))).await;
}
