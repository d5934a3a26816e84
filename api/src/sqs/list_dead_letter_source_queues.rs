//! `ListDeadLetterSourceQueues`.

use serde::{Deserialize, Serialize};

use super::page::{Page, PageRequest};
use super::queue_url::QueueRef;
use super::wire;
use crate::error::ApiError;
use crate::protocol;
use crate::types::Region;

/// Whose sources to list.
#[derive(Debug)]
pub struct Input {
    /// The queue that dead letters go to.
    pub queue: QueueRef,
    page: PageRequest,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        Ok(Input {
            queue: wire::queue(wire.queue_url)?,
            page: PageRequest::check(wire.max_results, wire.next_token)?,
        })
    }
}

impl Input {
    /// The page that is asked for, of a queue in that region.
    pub fn page(&self, region: &Region) -> Result<Page, ApiError> {
        self.page
            .of(&["ListDeadLetterSourceQueues", &self.queue.arn(region)])
    }
}

/// A page of queues. The list is there even if it is empty: the model demands it. Its name begins with
/// a small letter, unlike all others.
#[derive(Debug, Serialize)]
pub struct Output {
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
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
