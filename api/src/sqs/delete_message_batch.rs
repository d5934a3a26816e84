//! `DeleteMessageBatch`.

use serde::Deserialize;

use super::batch::{self, BatchOutput, DoneEntry, Entry};
use super::queue_url::QueueRef;
use super::receipt::ReceiptHandle;
use super::wire;
use crate::error::ApiError;
use crate::protocol;

/// The messages to delete.
#[derive(Debug)]
pub struct Input {
    /// The queue.
    pub queue: QueueRef,
    /// Deliveries of the messages.
    pub entries: Vec<Entry<ReceiptHandle>>,
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
}

impl protocol::Input for Input {
    type Wire = Wire;

    fn check(wire: Wire) -> Result<Input, ApiError> {
        let queue = wire::queue(wire.queue_url)?;
        let entries = batch::check(wire.entries, "DeleteMessageBatchRequestEntry", |entry| {
            (entry.id, wire::receipt(entry.receipt_handle))
        })?;
        Ok(Input { queue, entries })
    }
}

/// What became of the entries.
pub type Output = BatchOutput<DoneEntry>;
