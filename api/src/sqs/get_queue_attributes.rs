//! `GetQueueAttributes`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attributes::is_settable;
use super::queue_url::QueueRef;
use super::{errors, wire};
use crate::error::ApiError;
use crate::protocol;

/// What to tell of which queue.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// Names of attributes, or `All`.
    names: Vec<String>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let names = wire.attribute_names.unwrap_or_default();
        let known =
            |name: &str| name == "All" || is_settable(name) || READ_ONLY.iter().any(|row| row.0 == name);
        match names.iter().find(|name| !known(name)) {
            Some(name) => Err(errors::unknown_attribute(name)),
            None => Ok(Input { queue, names }),
        }
    }
}

/// A queue as the node sees it.
#[derive(Clone, Debug)]
pub struct QueueState {
    /// Every settable attribute, in canonical form.
    pub attributes: BTreeMap<String, String>,
    /// The queue's ARN.
    pub arn: String,
    /// Messages that may be received now.
    pub visible: u64,
    /// Messages in flight.
    pub not_visible: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
    /// When it was created.
    pub created_ms: u64,
    /// When its attributes last changed.
    pub modified_ms: u64,
}

type ReadOnly = (&'static str, fn(&QueueState) -> String);

/// The attributes that cannot be set, and where they come from. Timestamps are in seconds.
static READ_ONLY: [ReadOnly; 6] = [
    ("ApproximateNumberOfMessages", |queue| queue.visible.to_string()),
    ("ApproximateNumberOfMessagesDelayed", |queue| {
        queue.delayed.to_string()
    }),
    ("ApproximateNumberOfMessagesNotVisible", |queue| {
        queue.not_visible.to_string()
    }),
    ("CreatedTimestamp", |queue| (queue.created_ms / 1000).to_string()),
    ("LastModifiedTimestamp", |queue| {
        (queue.modified_ms / 1000).to_string()
    }),
    ("QueueArn", |queue| queue.arn.clone()),
];

impl Input {
    /// Whether the counts of messages, which every partition must be asked for, are wanted at all.
    pub fn wants_counts(&self) -> bool {
        self.names
            .iter()
            .any(|name| name == "All" || name.starts_with("ApproximateNumber"))
    }

    fn wants(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted == name || wanted == "All")
    }

    /// What was asked for of the queue.
    pub fn output(&self, queue: &QueueState) -> Output {
        let settable = queue
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        let read_only = READ_ONLY
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value(queue)));
        Output {
            attributes: settable
                .chain(read_only)
                .filter(|(name, _)| self.wants(name))
                .collect(),
        }
    }
}

/// The attributes; no map at all if there are none.
#[derive(Debug, Serialize)]
pub struct Output {
    #[serde(rename = "Attributes", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}
