//! What a transfer has given its receiver, and what it gives next.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::machine::queue::Stored;
use crate::machine::row::numbered_key;
use crate::machine::{Delta, RowValue, tables};
use crate::peers::pb;

/// The latest word on a key: a row, or that there is none any more.
pub(super) type Word = (Bytes, Option<RowValue>);

/// What was given to the receiver, and what comes next.
#[derive(Default)]
pub(super) struct Served {
    /// The last chunk, which may be asked for again.
    pub(super) last: Option<pb::SnapshotChunk>,
    /// Goes into the next chunks. It leaves when the chunk is made: whoever makes it may go away.
    pub(super) drawn: VecDeque<Word>,
    /// Of the cuts since the beginning, each key once.
    changed: BTreeMap<Bytes, Option<RowValue>>,
}

impl Served {
    /// Takes in cuts in their order, and where letters are by now.
    pub(super) fn merge(&mut self, cuts: Vec<Delta>, stored: Vec<Vec<(u64, Stored)>>) {
        for delta in cuts {
            let gone = delta.deletes.into_iter().map(|key| (key, None));
            let puts = delta.puts.into_iter().map(|row| (row.key, Some(row.value)));
            self.changed.extend(gone.chain(puts));
        }
        for (sequence, stored) in stored.into_iter().flatten() {
            let key = numbered_key(tables::MESSAGES, sequence);
            if let Some(Some(RowValue::Message(message))) = self.changed.get_mut(&key) {
                message.release(stored);
            }
        }
    }

    /// Draws about so many bytes of what changed.
    pub(super) fn draw_changed(&mut self, bytes_max: usize) {
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some(word) = self.changed.pop_first()
        {
            bytes += approximate_bytes(&word);
            self.drawn.push_back(word);
        }
    }

    /// The first of what was drawn, of about so many bytes.
    pub(super) fn first(&self, bytes_max: usize) -> Vec<Word> {
        let mut bytes = 0;
        let first = self.drawn.iter().take_while(|word| {
            let fits = bytes < bytes_max;
            bytes += approximate_bytes(word);
            fits
        });
        first.cloned().collect()
    }
}

fn approximate_bytes((key, value): &Word) -> usize {
    let value = value.as_ref().map_or(0, RowValue::approximate_bytes);
    key.len().saturating_add(value)
}
