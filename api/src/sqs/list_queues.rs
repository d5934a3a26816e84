//! ListQueues, and the two operations whose input is just a queue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{QueueRef, errors};
use crate::error::ApiError;

/// Queues in one answer at most.
pub const RESULTS_MAX: usize = 1000;

/// As requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// A valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the names begin with.
    pub prefix: String,
    /// The last name of the page before.
    pub after: Option<String>,
    /// How many are wanted.
    pub max: usize,
    /// Whether there may be another page: only for those who asked for pages.
    pub paged: bool,
}

/// The answer.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The queues' URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queue_urls: Vec<String>,
    /// For the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl Input {
    /// Checks the request.
    ///
    /// # Errors
    /// InvalidParameterValue.
    pub fn validate(self) -> Result<Page, ApiError> {
        let in_range = |max: i64| {
            usize::try_from(max)
                .ok()
                .filter(|max| (1..=RESULTS_MAX).contains(max))
        };
        let max = match self.max_results {
            None => RESULTS_MAX,
            Some(max) => in_range(max).ok_or_else(|| {
                errors::invalid(max, "MaxResults", "Must be between 1 and 1000, if provided.")
            })?,
        };
        let after = match &self.next_token {
            None => None,
            Some(token) => Some(
                URL_SAFE_NO_PAD
                    .decode(token)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| {
                        errors::invalid(token, "NextToken", "It is no token of a former answer.")
                    })?,
            ),
        };
        Ok(Page {
            prefix: self.queue_name_prefix.unwrap_or_default(),
            after,
            max,
            paged: self.max_results.is_some(),
        })
    }
}

/// The token that continues behind `last`.
pub fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// The input of GetQueueUrl.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedQueue {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

impl NamedQueue {
    /// The queue.
    ///
    /// # Errors
    /// MissingParameter.
    pub fn queue(self) -> Result<QueueRef, ApiError> {
        let name = self.queue_name.ok_or_else(|| errors::missing("QueueName"))?;
        Ok(QueueRef {
            account: self.owner,
            name,
        })
    }
}

/// The input of DeleteQueue and PurgeQueue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueueAlone {
    queue_url: Option<String>,
}

impl QueueAlone {
    /// The queue.
    ///
    /// # Errors
    /// See [`QueueRef::parse`].
    pub fn queue(&self) -> Result<QueueRef, ApiError> {
        QueueRef::parse(self.queue_url.as_deref())
    }
}

/// A queue was purged a moment ago.
pub fn purge_in_progress(queue: &str) -> ApiError {
    let message = format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.");
    ApiError::new(&errors::PURGE_QUEUE_IN_PROGRESS, message)
}
