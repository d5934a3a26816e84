//! CreateQueue, and the rules of queue names.

use serde::{Deserialize, Serialize};

use super::attributes::{self, Attributes};
use super::errors;
use crate::error::ApiError;

/// Tags of a queue at most.
const TAGS_MAX: usize = 50;

/// As requested.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    queue_name: Option<String>,
    attributes: Option<Attributes>,
    #[serde(rename = "tags", alias = "Tags")]
    tags: Option<Attributes>,
}

/// A valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQueue {
    /// Its name.
    pub name: String,
    /// The attributes that were given, in canonical form.
    pub given: Attributes,
    /// All attributes that it would have.
    pub complete: Attributes,
    /// Its tags.
    pub tags: Attributes,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The queue's URL.
    pub queue_url: String,
}

impl Input {
    /// Checks everything that can be checked without knowing what exists.
    ///
    /// # Errors
    /// MissingParameter, InvalidParameterValue, InvalidAttributeName or InvalidAttributeValue.
    pub fn validate(self) -> Result<NewQueue, ApiError> {
        let name = self.queue_name.ok_or_else(|| errors::missing("QueueName"))?;
        let given = self.attributes.unwrap_or_default();
        let fifo = given
            .get("FifoQueue")
            .is_some_and(|v| v.eq_ignore_ascii_case("true"));
        check_name(&name, fifo)?;
        if given.contains_key("FifoQueue") && !fifo {
            // AWS knows this attribute with the one value only.
            return Err(ApiError::new(
                &errors::INVALID_ATTRIBUTE_NAME,
                "Unknown Attribute FifoQueue.",
            ));
        }
        let given = attributes::canonical(&given, fifo)?;
        let complete = attributes::complete(&given, fifo);
        attributes::check_together(&complete)?;
        let tags = self.tags.unwrap_or_default();
        if tags.len() > TAGS_MAX {
            return Err(errors::invalid(
                tags.len(),
                "Tags",
                "Too many tags: at most 50 are allowed.",
            ));
        }
        Ok(NewQueue {
            name,
            given,
            complete,
            tags,
        })
    }
}

fn check_name(name: &str, fifo: bool) -> Result<(), ApiError> {
    let refuse = |message: &'static str| Err(ApiError::new(&errors::INVALID_PARAMETER_VALUE, message));
    let stem = name.strip_suffix(".fifo").filter(|_| fifo);
    if fifo && stem.is_none() {
        return refuse(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
                       must end with .fifo suffix and be 1 to 80 in length.",
        );
    }
    let stem = stem.unwrap_or(name);
    let valid = !stem.is_empty()
        && name.len() <= 80
        && stem
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !valid {
        return refuse(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        );
    }
    Ok(())
}

/// Another queue of that name has another value of `attribute`.
pub fn differs(attribute: &str) -> ApiError {
    let message =
        format!("A queue already exists with the same name and a different value for attribute {attribute}");
    ApiError::new(&errors::QUEUE_NAME_EXISTS, message)
}

/// A queue of that name was deleted a moment ago.
pub fn deleted_recently() -> ApiError {
    let message =
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    ApiError::new(&errors::QUEUE_DELETED_RECENTLY, message)
}
