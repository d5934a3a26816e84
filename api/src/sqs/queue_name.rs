//! Names of queues.

use serde::Serialize;

use crate::error::{ApiError, INVALID_PARAMETER_VALUE};
use crate::types::text;

/// The suffix of every FIFO queue's name, and of no other's.
pub const FIFO_SUFFIX: &str = ".fifo";
const LENGTH_MAX: usize = 80;

/// A queue's name: 1 to 80 of `[A-Za-z0-9_-]`, where a FIFO queue's suffix counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QueueName(String);

impl QueueName {
    /// The name if it is one.
    pub fn parse(text: &str) -> Option<QueueName> {
        let stem = text.strip_suffix(FIFO_SUFFIX).unwrap_or(text);
        let valid = !stem.is_empty()
            && text.len() <= LENGTH_MAX
            && stem
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        valid.then(|| QueueName(text.to_owned()))
    }

    /// The name of a new queue, whose type its attributes say.
    pub fn of_new_queue(text: &str, fifo: bool) -> Result<QueueName, ApiError> {
        let name = QueueName::parse(text).filter(|name| name.is_fifo() == fifo);
        let refusal = if fifo {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
             must end with .fifo suffix and be 1 to 80 in length."
        } else {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        };
        name.ok_or_else(|| ApiError::new(&INVALID_PARAMETER_VALUE, refusal))
    }

    /// Whether it names a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(FIFO_SUFFIX)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text!(QueueName);
