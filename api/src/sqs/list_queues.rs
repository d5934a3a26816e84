//! `ListQueues`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::error::{ApiError, invalid_value};
use crate::protocol;

/// A page has at most this many queues, whether or not the caller says so.
const RESULTS_MAX: u32 = 1000;

/// Which queues to list.
#[derive(Debug)]
pub struct Input {
    /// How their names begin.
    pub prefix: String,
    /// The last name of the page before: only names behind it are of interest.
    pub after: Option<String>,
    /// How many the caller asked for; only then is there a token for more.
    results_max: Option<u32>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let reason = "MaxResults must be an integer between 1 and 1000.";
        let after = wire.next_token.filter(|token| !token.is_empty()).map(|token| {
            let name = URL_SAFE_NO_PAD
                .decode(&token)
                .ok()
                .and_then(|name| String::from_utf8(name).ok());
            name.ok_or_else(|| invalid_value(&token, "NextToken", "NextToken is not valid."))
        });
        Ok(Input {
            prefix: wire.queue_name_prefix.unwrap_or_default(),
            after: after.transpose()?,
            results_max: wire::ranged(wire.max_results, "MaxResults", 1, RESULTS_MAX, reason)?,
        })
    }
}

impl Input {
    /// The page of the caller's queues, given by name in ascending order, that is asked for; `url`
    /// makes the URL of one. Of the names that qualify no more are read than the page has, and one
    /// to know whether there are others.
    pub fn page<'a>(&self, names: impl Iterator<Item = &'a str>, url: impl Fn(&str) -> String) -> Output {
        let wanted = |name: &&str| {
            name.starts_with(&self.prefix) && self.after.as_deref().is_none_or(|after| *name > after)
        };
        let size = self.results_max.unwrap_or(RESULTS_MAX) as usize;
        let mut rest = names.filter(wanted).peekable();
        let page: Vec<&str> = rest.by_ref().take(size).collect();
        let more = self.results_max.is_some() && rest.peek().is_some();
        let next_token = page
            .last()
            .filter(|_| more)
            .map(|last| URL_SAFE_NO_PAD.encode(last));
        Output {
            queue_urls: page.into_iter().map(url).collect(),
            next_token,
        }
    }
}

/// A page of queues; no list at all if there are none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}
