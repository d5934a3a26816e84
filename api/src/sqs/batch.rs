//! What all batches have in common: the rules of their entries' ids, and how a failed entry is told.

use std::collections::BTreeSet;

use serde::Serialize;

use super::errors;
use crate::error::ApiError;

/// Entries of a batch at most.
pub const ENTRIES_MAX: usize = 10;

/// A failed entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedEntry {
    /// The entry.
    pub id: String,
    /// Whether the client is to blame.
    pub sender_fault: bool,
    /// The code, as the query protocol spells it.
    pub code: &'static str,
    /// The message.
    pub message: String,
}

impl FailedEntry {
    /// The entry `id` failed with `error`.
    pub fn new(id: String, error: &ApiError) -> FailedEntry {
        let sender_fault = error.kind.is_senders();
        FailedEntry {
            id,
            sender_fault,
            code: error.kind.query_code,
            message: error.message.to_string(),
        }
    }
}

/// An entry that succeeded and has nothing more to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DoneEntry {
    /// The entry.
    pub id: String,
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output<S> {
    /// Entries that succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub successful: Vec<S>,
    /// Entries that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedEntry>,
}

impl<S> Default for Output<S> {
    fn default() -> Output<S> {
        Output {
            successful: Vec::new(),
            failed: Vec::new(),
        }
    }
}

/// Checks the entries' number and ids; `entry` is what the request calls one.
///
/// # Errors
/// The error of the whole batch.
pub fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str>, entry: &str) -> Result<(), ApiError> {
    let count = ids.len();
    if count == 0 {
        let message = format!("There should be at least one {entry} in the request.");
        return Err(ApiError::new(&errors::EMPTY_BATCH, message));
    }
    if count > ENTRIES_MAX {
        let message =
            format!("Maximum number of entries per request are {ENTRIES_MAX}. You have sent {count}.");
        return Err(ApiError::new(&errors::TOO_MANY_ENTRIES, message));
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        let valid = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !valid {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                           It can be at most 80 letters long.";
            return Err(ApiError::new(&errors::INVALID_ENTRY_ID, message));
        }
        if !seen.insert(id) {
            return Err(ApiError::new(
                &errors::IDS_NOT_DISTINCT,
                format!("Id {id} repeated."),
            ));
        }
    }
    Ok(())
}
