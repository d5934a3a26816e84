//! GetQueueAttributes.

use serde::{Deserialize, Serialize};

use super::attributes::{self, Attributes};
use super::{QueueRef, errors};
use crate::error::ApiError;

/// As requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

/// What is known of a queue besides its settable attributes.
#[derive(Clone, Debug)]
pub struct Computed {
    /// `arn:aws:sqs:region:account:name`.
    pub arn: String,
    /// Seconds since the Unix epoch.
    pub created_s: u64,
    /// Seconds since the Unix epoch.
    pub modified_s: u64,
    /// Messages that can be received.
    pub visible: u64,
    /// Messages that were received and not deleted.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// By name.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl Input {
    /// The queue.
    ///
    /// # Errors
    /// See [`QueueRef::parse`].
    pub fn queue(&self) -> Result<QueueRef, ApiError> {
        QueueRef::parse(self.queue_url.as_deref())
    }

    /// Whether the answer needs the numbers of messages.
    pub fn wants_counts(&self) -> bool {
        self.names()
            .any(|name| name == "All" || name.starts_with("ApproximateNumberOfMessages"))
    }

    /// Checks the names.
    ///
    /// # Errors
    /// InvalidAttributeName.
    pub fn check(&self) -> Result<(), ApiError> {
        match self
            .names()
            .find(|name| *name != "All" && !attributes::is_known(name))
        {
            Some(unknown) => Err(ApiError::new(
                &errors::INVALID_ATTRIBUTE_NAME,
                format!("Unknown Attribute {unknown}."),
            )),
            None => Ok(()),
        }
    }

    /// What was asked for.
    pub fn answer(&self, settable: &Attributes, computed: &Computed) -> Output {
        let mut all = settable.clone();
        let mut tell = |name: &str, value: String| all.insert(name.to_owned(), value);
        tell("QueueArn", computed.arn.clone());
        tell("CreatedTimestamp", computed.created_s.to_string());
        tell("LastModifiedTimestamp", computed.modified_s.to_string());
        tell("ApproximateNumberOfMessages", computed.visible.to_string());
        tell(
            "ApproximateNumberOfMessagesNotVisible",
            computed.in_flight.to_string(),
        );
        tell("ApproximateNumberOfMessagesDelayed", computed.delayed.to_string());
        if !self.names().any(|name| name == "All") {
            all.retain(|name, _| self.names().any(|wanted| wanted == name));
        }
        Output { attributes: all }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.attribute_names.iter().flatten().map(String::as_str)
    }
}
