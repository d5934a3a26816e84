//! Tags of queues: what a key and a value may be. Keys are case-sensitive.

use std::collections::BTreeMap;

use super::errors;
use crate::error::{ApiError, INVALID_PARAMETER_VALUE};

/// A queue has at most this many.
pub const TAGS_MAX: u32 = 50;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;
/// Beginnings of keys that AWS keeps for itself, in any case.
const RESERVED: &str = "aws:";
/// What keys and values may hold beside letters, digits and white space, in any script.
const SYMBOLS: &str = "_.:/=+-@'";

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Checks tags for the queue of that name.
pub fn check(tags: Tags, queue: &str) -> Result<Tags, ApiError> {
    if tags.len() > TAGS_MAX as usize {
        return Err(errors::too_many_tags(queue));
    }
    for (key, value) in &tags {
        check_key(key)?;
        if key.to_lowercase().starts_with(RESERVED) {
            return Err(refuse("Tag keys cannot start with aws:, which is reserved."));
        }
        check_symbols(key, "keys")?;
        if value.chars().count() > VALUE_LENGTH_MAX {
            return Err(refuse(
                "Tag values must be between 0 and 256 characters in length.",
            ));
        }
        check_symbols(value, "values")?;
    }
    Ok(tags)
}

/// Checks the keys of tags to remove, of which there must be some. Whether there are such tags does
/// not matter.
pub fn check_keys(keys: Vec<String>) -> Result<Vec<String>, ApiError> {
    if keys.is_empty() {
        return Err(key_length());
    }
    keys.iter().try_for_each(|key| check_key(key))?;
    Ok(keys)
}

fn check_key(key: &str) -> Result<(), ApiError> {
    let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count());
    if fits { Ok(()) } else { Err(key_length()) }
}

fn check_symbols(text: &str, what: &str) -> Result<(), ApiError> {
    // Some control characters count as white space, and XML replies cannot carry them.
    let is_space = |c: char| c.is_whitespace() && !c.is_control();
    let allowed = |c: char| c.is_alphanumeric() || is_space(c) || SYMBOLS.contains(c);
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(refuse(format!(
        "Tag {what} may only contain unicode letters, digits, whitespace, or one of these symbols: \
         _ . : / = + - @'"
    )))
}

fn key_length() -> ApiError {
    refuse("Tag keys must be between 1 and 128 characters in length.")
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(&INVALID_PARAMETER_VALUE, message)
}
