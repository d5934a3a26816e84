//! `ListQueues`.

use serde::{Deserialize, Serialize};

use super::page::{Page, PageRequest};
use crate::error::ApiError;
use crate::protocol;
use crate::sigv4::Caller;

/// Which of the caller's queues to list.
#[derive(Debug)]
pub struct Input {
    /// How their names begin.
    pub prefix: String,
    page: PageRequest,
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
        Ok(Input {
            prefix: wire.queue_name_prefix.unwrap_or_default(),
            page: PageRequest::check(wire.max_results, wire.next_token)?,
        })
    }
}

impl Input {
    /// The page that is asked for.
    pub fn page(&self, caller: &Caller) -> Result<Page, ApiError> {
        let (account, region) = (caller.account.as_str(), caller.region.as_str());
        self.page.of(&["ListQueues", account, region, &self.prefix])
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

impl Output {
    /// The page of the queues of these names, which are in ascending order and all behind
    /// [`Page::after`]; `url` makes the URL of one.
    pub fn new<'a>(
        page: &Page,
        names: impl Iterator<Item = &'a str>,
        url: impl Fn(&str) -> String,
    ) -> Output {
        let (names, next_token) = page.fill(names);
        Output {
            queue_urls: names.into_iter().map(url).collect(),
            next_token,
        }
    }
}
