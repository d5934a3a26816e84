//! Tags of queues.

use std::collections::BTreeMap;

use crate::error::{ApiError, INVALID_PARAMETER_VALUE, invalid_value};

const TAGS_MAX: usize = 50;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;

/// Checks tags; keys are case-sensitive.
pub fn check(tags: Option<BTreeMap<String, String>>) -> Result<BTreeMap<String, String>, ApiError> {
    let tags = tags.unwrap_or_default();
    if tags.len() > TAGS_MAX {
        let message = format!("Too many tags. A queue can have at most {TAGS_MAX} tags.");
        return Err(ApiError::new(&INVALID_PARAMETER_VALUE, message));
    }
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > KEY_LENGTH_MAX {
            return Err(invalid_value(
                key,
                "TagKey",
                "Tag keys must be between 1 and 128 characters in length.",
            ));
        }
        if value.chars().count() > VALUE_LENGTH_MAX {
            return Err(invalid_value(
                value,
                "TagValue",
                "Tag values must be between 0 and 256 characters in length.",
            ));
        }
    }
    Ok(tags)
}
