//! Queue URLs: `http://<host>/<account>/<queue>`.
//!
//! The host is the one that the client used, because that is the one it can reach. On the way in
//! only the path counts: clients may keep URLs while the cluster moves, or send none but the path.

use super::errors;
use super::queue_name::QueueName;
use crate::error::ApiError;
use crate::types::{AccountId, Region};

/// The URL of the queue that is known to have this name.
pub fn queue_url(host: &str, account: &AccountId, name: &str) -> String {
    format!("http://{host}/{account}/{name}")
}

/// Which queue an operation is for, within the caller's region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueRef {
    /// Whose queue.
    pub account: AccountId,
    /// Its name.
    pub name: QueueName,
}

impl QueueRef {
    /// The queue of a URL, or of its path alone. Fails with `InvalidAddress`, or with
    /// `QueueDoesNotExist` if no queue could have such a name.
    pub fn parse(url: &str) -> Result<QueueRef, ApiError> {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let mut parts = url[..end].trim_end_matches('/').rsplit('/');
        let name = parts.next().unwrap_or("");
        let account = parts
            .next()
            .and_then(AccountId::parse)
            .ok_or_else(|| errors::invalid_address(url))?;
        let name = QueueName::parse(name).ok_or_else(errors::queue_does_not_exist)?;
        Ok(QueueRef { account, name })
    }

    /// The queue's URL for a client that knows us as `host` (with its port).
    pub fn url(&self, host: &str) -> String {
        queue_url(host, &self.account, self.name.as_str())
    }

    /// The queue's ARN.
    pub fn arn(&self, region: &Region) -> String {
        format!("arn:aws:sqs:{region}:{}:{}", self.account, self.name)
    }
}
