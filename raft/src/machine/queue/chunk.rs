//! A chunk: the letters of neighbouring messages in a file, and the list of what is where.
//!
//! The store writes and keeps chunks, and gives them back when a machine is loaded; what a letter looks like is
//! known only here. A chunk's list has, for each message: sequence (8 bytes), time sent (8), where its record
//! begins and its length (4 each), the length of its group's name (2) and that name; all little-endian.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::letter::{Letter, Stored};
use super::message::Message;
use super::record::MessageRow;
use crate::env::DiskFile;
use crate::machine::row::LoadError;
use crate::types::Millis;

/// What the list has of a message beside its group's name.
const ENTRY_BYTES: usize = 8 + 8 + 4 + 4 + 2;

/// Letters on their way into a file.
#[derive(Default)]
pub struct ChunkWriter {
    records: Vec<u8>,
    list: Vec<u8>,
    placed: Vec<(u64, Stored)>,
}

impl ChunkWriter {
    /// Adds a message's letter, whose record goes to `file`, in which this chunk begins at `start`.
    ///
    /// # Errors
    /// If the letter was in another file and cannot be read.
    pub fn add(
        &mut self,
        sequence: u64,
        message: &MessageRow,
        file: &Arc<dyn DiskFile>,
        start: u32,
    ) -> std::io::Result<()> {
        let packed = message.letter().fetch()?;
        let before = self.records.len();
        packed.write_record(&mut self.records);
        let position = |offset: usize| u32::try_from(offset).expect("a chunk is far smaller than 4 GiB");
        let (at, length) = (start + position(before), position(self.records.len() - before));
        let (sent, group) = (message.letter().sent(), message.letter().group());
        self.list.extend_from_slice(&sequence.to_le_bytes());
        self.list.extend_from_slice(&sent.0.to_le_bytes());
        self.list.extend_from_slice(&at.to_le_bytes());
        self.list.extend_from_slice(&length.to_le_bytes());
        let name = u16::try_from(group.len()).expect("a group's name is short");
        self.list.extend_from_slice(&name.to_le_bytes());
        self.list.extend_from_slice(group.as_bytes());
        let stored = Stored {
            file: file.clone(),
            at,
            length,
            sent,
            group: (!group.is_empty()).then(|| group.into()),
        };
        self.placed.push((sequence, stored));
        Ok(())
    }

    /// The records, the list, and where each letter will be once both are written.
    pub fn finish(self) -> (Vec<u8>, Vec<u8>, Vec<(u64, Stored)>) {
        (self.records, self.list, self.placed)
    }
}

/// A chunk as it is loaded.
pub struct Chunk {
    /// Where its letters are.
    pub file: Arc<dyn DiskFile>,
    /// Its list.
    pub list: Bytes,
    /// The first sequence that it may have; [`Chunk::live`] counts from there.
    pub first: u64,
    /// Which messages are still there.
    pub live: Bits,
    /// What has happened to messages of it, as rows have it; to the others, nothing has.
    pub histories: BTreeMap<u64, Bytes>,
}

impl Chunk {
    /// Its messages by sequence, as far as they are still there.
    pub(super) fn messages(mut self) -> impl Iterator<Item = Result<(u64, Message), LoadError>> {
        std::iter::from_fn(move || {
            loop {
                if self.list.is_empty() {
                    return None;
                }
                match self.next() {
                    Ok((sequence, _)) if !self.live.has(sequence.wrapping_sub(self.first)) => {}
                    other => return Some(other),
                }
            }
        })
    }

    /// The same as rows' values, for another chunk.
    pub fn rows(self) -> impl Iterator<Item = Result<(u64, MessageRow), LoadError>> {
        self.messages()
            .map(|message| message.map(|(sequence, message)| (sequence, MessageRow::new(&message))))
    }

    fn next(&mut self) -> Result<(u64, Message), LoadError> {
        let (sequence, sent, at, length, group) = entry(&mut self.list)?;
        let group = self.list.split_to(group);
        let group = std::str::from_utf8(&group).map_err(|_| damaged())?;
        let letter = Letter::Stored(Stored {
            file: self.file.clone(),
            at,
            length,
            sent,
            group: (!group.is_empty()).then(|| group.into()),
        });
        let history = self.histories.remove(&sequence);
        Ok((sequence, MessageRow::restore(letter, history)?))
    }
}

/// The numbers of the next entry of a list.
fn entry(list: &mut Bytes) -> Result<(u64, Millis, u32, u32, usize), LoadError> {
    if list.len() < ENTRY_BYTES {
        return Err(damaged());
    }
    let (sequence, sent) = (list.get_u64_le(), Millis(list.get_u64_le()));
    let (at, length) = (list.get_u32_le(), list.get_u32_le());
    let group = usize::from(list.get_u16_le());
    if list.len() < group || !Stored::may_have(length) {
        return Err(damaged());
    }
    Ok((sequence, sent, at, length, group))
}

fn damaged() -> LoadError {
    LoadError::Damaged("the list of a chunk of letters is damaged".into())
}

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// The set that [`Bits::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Bits {
        Bits(bytes.to_vec())
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a number is in it.
    pub fn has(&self, number: u64) -> bool {
        let byte = usize::try_from(number / 8).ok().and_then(|at| self.0.get(at));
        byte.is_some_and(|byte| byte & 1 << (number % 8) != 0)
    }

    /// Puts a number in, or takes it out.
    pub fn put(&mut self, number: u64, is_in: bool) {
        let at = usize::try_from(number / 8).expect("a small number");
        if is_in && self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let bit = 1 << (number % 8);
        match self.0.get_mut(at) {
            Some(byte) if is_in => *byte |= bit,
            Some(byte) => *byte &= !bit,
            None => {}
        }
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// The numbers in it.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.0.len() as u64 * 8).filter(|number| self.has(*number))
    }
}
