//! What batches have in common: up to ten entries with ids, of which some may fail alone.

use serde::Serialize;

use super::errors;
use crate::error::{ApiError, Fault};
use crate::types::text;

const ENTRIES_MAX: usize = 10;
const ID_LENGTH_MAX: usize = 80;

/// The id of an entry: 1 to 80 of `[A-Za-z0-9_-]`, unique within its batch.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EntryId(String);

impl EntryId {
    fn parse(text: String) -> Result<EntryId, ApiError> {
        let valid = (1..=ID_LENGTH_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if valid {
            Ok(EntryId(text))
        } else {
            Err(errors::invalid_batch_entry_id())
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text!(EntryId);

/// An entry whose id is good, and whose content is good or refused alone.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its id.
    pub id: EntryId,
    /// Its content, or why the reply lists it as failed.
    pub content: Result<T, ApiError>,
}

/// Checks a batch as a whole: the number of its entries and their ids. `item` is what the query
/// protocol calls an entry; `split` gives an entry's id and its checked content.
pub fn check<W, T>(
    entries: Option<Vec<W>>,
    item: &str,
    split: impl Fn(W) -> (Option<String>, Result<T, ApiError>),
) -> Result<Vec<Entry<T>>, ApiError> {
    let wire = entries.unwrap_or_default();
    if wire.is_empty() {
        return Err(errors::empty_batch_request(item));
    }
    if wire.len() > ENTRIES_MAX {
        return Err(errors::too_many_entries(wire.len(), ENTRIES_MAX));
    }
    let mut entries: Vec<Entry<T>> = Vec::with_capacity(wire.len());
    for entry in wire {
        let (id, content) = split(entry);
        let id = EntryId::parse(id.unwrap_or_default())?;
        if entries.iter().any(|earlier| earlier.id == id) {
            return Err(errors::batch_entry_ids_not_distinct(id.as_str()));
        }
        entries.push(Entry { id, content });
    }
    Ok(entries)
}

/// An entry that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    id: EntryId,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

impl Failed {
    /// The entry `id`, which failed with `error`.
    pub fn new(id: EntryId, error: &ApiError) -> Failed {
        Failed {
            id,
            sender_fault: error.spec().fault == Fault::Sender,
            code: error.spec().query_code,
            message: error.message().to_owned(),
        }
    }
}

/// The output of a batch. A list without entries is left out, as AWS does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput<T> {
    /// Entries that were done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub successful: Vec<T>,
    /// Entries that were not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

impl<T> Default for BatchOutput<T> {
    fn default() -> BatchOutput<T> {
        BatchOutput {
            successful: Vec::new(),
            failed: Vec::new(),
        }
    }
}

/// An entry that was done, where there is no more to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoneEntry {
    /// Its id.
    #[serde(rename = "Id")]
    pub id: EntryId,
}
