//! `CreateQueue`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::attributes::NewAttributes;
use super::queue_name::QueueName;
use super::tags::{self, Tags};
use super::{attributes, wire};
use crate::error::ApiError;
use crate::protocol;

/// The queue to create, or to find if it is already there.
#[derive(Debug)]
pub struct Input {
    /// Its name.
    pub name: QueueName,
    /// Its attributes.
    pub attributes: NewAttributes,
    /// Its tags.
    pub tags: Tags,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
pub struct Wire {
    #[serde(rename = "QueueName")]
    queue_name: Option<String>,
    #[serde(rename = "Attributes")]
    attributes: Option<BTreeMap<String, String>>,
    tags: Option<Tags>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let name = wire::required(wire.queue_name, "QueueName")?;
        let given = wire.attributes.unwrap_or_default();
        let fifo = given
            .get(attributes::FIFO_QUEUE)
            .is_some_and(|value| value == "true");
        Ok(Input {
            name: QueueName::of_new_queue(&name, fifo)?,
            attributes: attributes::of_new_queue(given, fifo)?,
            tags: tags::check(wire.tags.unwrap_or_default(), &name)?,
        })
    }
}

/// The queue's URL.
pub type Output = super::get_queue_url::Output;
