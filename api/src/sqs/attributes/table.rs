//! The table of settable queue attributes: names, defaults, and what values they take.

use super::super::errors;
use super::documents;
use crate::error::ApiError;

/// Whether the queue is FIFO.
pub const FIFO_QUEUE: &str = "FifoQueue";
pub(super) const CONTENT_BASED: &str = "ContentBasedDeduplication";
pub(super) const CONTENT_SCOPE: &str = "DeduplicationScope";
pub(super) const THROUGHPUT: &str = "FifoThroughputLimit";
pub(super) const KMS_KEY: &str = "KmsMasterKeyId";
pub(super) const KMS_REUSE: &str = "KmsDataKeyReusePeriodSeconds";
/// Applies to queues that have a KMS key.
pub(super) const KMS_REUSE_DEFAULT: &str = "300";
pub(super) const MANAGED_SSE: &str = "SqsManagedSseEnabled";
pub(super) const DELAY: &str = "DelaySeconds";
pub(super) const MESSAGE_SIZE: &str = "MaximumMessageSize";
pub(super) const RETENTION: &str = "MessageRetentionPeriod";
pub(super) const WAIT: &str = "ReceiveMessageWaitTimeSeconds";
pub(super) const VISIBILITY: &str = "VisibilityTimeout";

/// One attribute.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    values: Values,
    /// What a new queue has if nothing is given.
    pub(super) default: Option<&'static str>,
    /// Whether standard queues do not know it.
    pub(super) fifo_only: bool,
    /// Whether an empty value removes it.
    pub(super) clearable: bool,
}

/// What values an attribute takes.
#[derive(Debug)]
enum Values {
    Integer(u32, u32),
    Bool,
    OneOf(&'static [&'static str]),
    Text { bytes_max: usize },
    Document(fn(&str) -> Result<String, ApiError>),
}

const fn standard(name: &'static str, values: Values, default: Option<&'static str>) -> Row {
    Row {
        name,
        values,
        default,
        fifo_only: false,
        clearable: false,
    }
}

const fn fifo(name: &'static str, values: Values, default: &'static str) -> Row {
    Row {
        name,
        values,
        default: Some(default),
        fifo_only: true,
        clearable: false,
    }
}

const fn clearable(name: &'static str, values: Values) -> Row {
    Row {
        name,
        values,
        default: None,
        fifo_only: false,
        clearable: true,
    }
}

/// Ranges and defaults as the API reference of `SetQueueAttributes` has them.
pub(super) static TABLE: [Row; 15] = [
    fifo(CONTENT_BASED, Values::Bool, "false"),
    fifo(CONTENT_SCOPE, Values::OneOf(&["messageGroup", "queue"]), "queue"),
    standard(DELAY, Values::Integer(0, 900), Some("0")),
    fifo(FIFO_QUEUE, Values::OneOf(&["true"]), "true"),
    fifo(
        THROUGHPUT,
        Values::OneOf(&["perQueue", "perMessageGroupId"]),
        "perQueue",
    ),
    standard(KMS_REUSE, Values::Integer(60, 86_400), None),
    clearable(KMS_KEY, Values::Text { bytes_max: 2048 }),
    standard(MESSAGE_SIZE, Values::Integer(1024, 1_048_576), Some("1048576")),
    standard(RETENTION, Values::Integer(60, 1_209_600), Some("345600")),
    clearable("Policy", Values::Document(documents::policy)),
    standard(WAIT, Values::Integer(0, 20), Some("0")),
    clearable(
        "RedriveAllowPolicy",
        Values::Document(documents::redrive_allow_policy),
    ),
    clearable("RedrivePolicy", Values::Document(documents::redrive_policy)),
    standard(MANAGED_SSE, Values::Bool, Some("true")),
    standard(VISIBILITY, Values::Integer(0, 43_200), Some("30")),
];

/// The row of an attribute.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// Whether there is an attribute of that name that a queue can be given.
pub fn is_settable(name: &str) -> bool {
    row(name).is_some()
}

impl Row {
    /// The canonical form of a value. Fails with `InvalidAttributeValue`.
    pub(super) fn canonical(&self, value: &str) -> Result<String, ApiError> {
        let canonical = match self.values {
            Values::Integer(min, max) => {
                let number = value
                    .trim()
                    .parse::<u32>()
                    .ok()
                    .filter(|n| (min..=max).contains(n));
                number.map(|n| n.to_string())
            }
            Values::Bool => {
                let value = value.to_ascii_lowercase();
                matches!(value.as_str(), "true" | "false").then_some(value)
            }
            Values::OneOf(choices) => choices.contains(&value).then(|| value.to_owned()),
            Values::Text { bytes_max } => (1..=bytes_max).contains(&value.len()).then(|| value.to_owned()),
            Values::Document(check) => return check(value),
        };
        canonical.ok_or_else(|| errors::invalid_attribute_value(self.name))
    }
}
