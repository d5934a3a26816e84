//! `ChangeMessageVisibilityBatch`.

use serde::Deserialize;

use super::batch::{self, BatchOutput, DoneEntry, Entry};
use super::change_message_visibility::Change;
use super::queue_url::QueueRef;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// The messages whose visibility is to change.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// Deliveries and their new timeouts.
    pub entries: Vec<Entry<Change>>,
}

/// The request as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wire {
    queue_url: Option<String>,
    entries: Option<Vec<EntryWire>>,
}

/// An entry as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryWire {
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let entries = batch::check(
            wire.entries,
            "ChangeMessageVisibilityBatchRequestEntry",
            |entry| {
                let change = Change::check(entry.receipt_handle, entry.visibility_timeout);
                (entry.id, change.and_then(|change| change))
            },
        )?;
        Ok(Input { queue, entries })
    }
}

/// What became of the entries.
pub type Output = BatchOutput<DoneEntry>;
