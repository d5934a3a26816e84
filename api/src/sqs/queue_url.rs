//! Queue URLs: `http://host/account/name`. A queue may be named by a URL that another host made, or
//! by the path alone.

use percent_encoding::percent_decode_str;

use super::errors;
use crate::error::ApiError;

/// Which queue a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRef {
    /// 12 digits, as in the URL; nothing if the URL has the name alone.
    pub account: Option<String>,
    /// The queue's name.
    pub name: String,
}

impl QueueRef {
    /// Reads a queue's URL.
    ///
    /// # Errors
    /// MissingParameter without a URL; QueueDoesNotExist for one that can be no queue's.
    pub fn parse(url: Option<&str>) -> Result<QueueRef, ApiError> {
        let url = url
            .filter(|url| !url.is_empty())
            .ok_or_else(|| errors::missing("QueueUrl"))?;
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => url,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut parts = path.split('/').filter(|part| !part.is_empty()).rev();
        let name = parts.next().ok_or_else(errors::no_such_queue)?;
        let account = parts.next().map(str::to_owned);
        Ok(QueueRef {
            account,
            name: percent_decode_str(name).decode_utf8_lossy().into_owned(),
        })
    }
}

/// The URL of a queue, for a client that knows this node as `host`.
pub fn queue_url(host: &str, account: &str, name: &str) -> String {
    format!("http://{host}/{account}/{name}")
}
