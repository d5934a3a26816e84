//! A delta of messages becomes letters in files, and rows that name them.

use bytes::Bytes;

use super::chunks::Chunks;
use super::files;
use super::shelf::{Placed, Shelf};
use crate::machine::queue::MessageRow;
use crate::machine::row::{number_in_key, numbered_key};
use crate::machine::tables;
use crate::machine::{Delta, Row, RowValue};
use crate::planted::{Bug, planted};
use crate::store::StoreError;

impl Shelf {
    /// Writes the letters of a delta. Returns what is to be written to the rows, and where letters are now.
    pub(super) fn put_away(&mut self, delta: Delta) -> Result<(Delta, Placed), StoreError> {
        let mut rows = Delta {
            clear: delta.clear,
            ..Delta::default()
        };
        if delta.clear {
            self.chunks = Chunks::default();
            self.end = 0;
        }
        for key in delta.deletes {
            self.delete(key, &mut rows);
        }
        let mut new = Vec::new();
        for Row { key, value } in delta.puts {
            match value {
                RowValue::Message(message) => self.put(key, message, &mut rows, &mut new),
                encoded @ RowValue::Encoded(_) => {
                    // What has a row keeps it: see `put`.
                    let after = message_in(&key).map_or(0, |sequence| sequence + 1);
                    self.end = self.end.max(after);
                    rows.puts.push(Row { key, value: encoded });
                }
            }
        }
        new.sort_by_key(|(sequence, _)| *sequence);
        let bytes: u64 = new.iter().map(|(_, message)| message.approximate_bytes()).sum();
        self.end = self.end.max(new.last().map_or(0, |(sequence, _)| sequence + 1));
        let mut stored = self.move_remains()?;
        if bytes >= self.options.bytes_min {
            stored.extend(self.add(new, &mut rows)?);
        } else {
            for (sequence, message) in new {
                // Read here, where it can be said what is wrong: rows are encoded where nobody expects a letter to be missing.
                let value = message.try_encode().map_err(files::unreadable)?;
                let key = numbered_key(tables::MESSAGES, sequence);
                rows.puts.push(Row::from((key, value)));
            }
        }
        self.sync()?;
        let (deletes, puts) = self.chunks.take_changes();
        if !rows.clear {
            rows.deletes.extend(deletes);
        }
        rows.puts.extend(puts);
        Ok((rows, stored))
    }

    fn delete(&mut self, key: Bytes, rows: &mut Delta) {
        let sequence = message_in(&key);
        if let Some((first, entry)) = sequence.and_then(|sequence| self.chunks.of(sequence)) {
            let number = sequence.unwrap_or_default() - first;
            entry.live.put(number, planted(Bug::DeletedInChunk));
            entry.changed = true;
            if !entry.with_row.has(number) {
                return;
            }
            entry.with_row.put(number, false);
        }
        rows.deletes.push(key);
    }

    /// A message that is in a chunk only gets a row for what has happened to it. One that is not goes to `new`, unless it
    /// has a row already.
    fn put(&mut self, key: Bytes, message: MessageRow, rows: &mut Delta, new: &mut Vec<(u64, MessageRow)>) {
        let Some(sequence) = message_in(&key) else {
            let value = RowValue::Message(message);
            return rows.puts.push(Row { key, value });
        };
        let end = self.end;
        match self.chunks.of(sequence) {
            Some((first, entry)) => {
                let (number, history) = (sequence - first, message.encode_history());
                let had_row = entry.with_row.has(number);
                if had_row != history.is_some() {
                    entry.with_row.put(number, history.is_some());
                    entry.changed = true;
                }
                match history {
                    Some(history) => rows.puts.push(Row::from((key, history))),
                    None if had_row => rows.deletes.push(key),
                    None => {}
                }
            }
            None if sequence < end => {
                let value = RowValue::Message(message);
                rows.puts.push(Row { key, value });
            }
            None => new.push((sequence, message)),
        }
    }
}

/// The sequence of the message that a row is about.
fn message_in(key: &[u8]) -> Option<u64> {
    (key.first() == Some(&tables::MESSAGES)).then_some(())?;
    number_in_key(key).ok()
}
