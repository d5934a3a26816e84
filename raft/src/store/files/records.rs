//! Reads a file's records one after the other, with a buffer of bounded size.

use std::path::Path;
use std::sync::Arc;

use super::flaw::Flaw;
use super::format::{self, FileId, HEAD_BYTES, MARK, RECORD_HEAD_BYTES, Record};
use crate::env::DiskFile;
use crate::types::GroupId;

/// What is read at a time, if the record is not longer.
const READ_BYTES: usize = 1 << 20;

/// A file that is read from its beginning.
pub(super) struct Records<'a> {
    path: &'a Path,
    file: Arc<dyn DiskFile>,
    id: FileId,
    length: u64,
    /// Where the next record begins.
    position: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    buffer_at: u64,
}

/// What comes next.
pub(super) enum Next<'a> {
    /// A record, and where it is.
    Record(u64, Record<'a>),
    /// No whole record is there: the end, a torn write, or damage.
    Nothing { position: u64 },
}

impl<'a> Records<'a> {
    /// Reads the head of a group's file.
    pub(super) fn open(path: &'a Path, file: Arc<dyn DiskFile>, group: GroupId) -> Result<Records<'a>, Flaw> {
        let length = file.len().map_err(|error| Flaw::reading(&error, path))?;
        let mut head = [0; HEAD_BYTES];
        let read = file.read_exact_at(&mut head, 0);
        read.map_err(|error| Flaw::reading(&error, path))?;
        let id = format::read_head(&head).map_err(|unfit| Flaw::of(unfit, path, 0))?;
        if id.group != group {
            return Err(Flaw::Damaged(format!(
                "{} belongs to {}",
                path.display(),
                id.group
            )));
        }
        Ok(Records {
            path,
            file,
            id,
            length,
            position: HEAD_BYTES as u64,
            buffer: Vec::new(),
            buffer_at: HEAD_BYTES as u64,
        })
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where the next record begins.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn next(&mut self) -> Result<Next<'_>, Flaw> {
        let position = self.position;
        let Some(length) = self.next_bytes()? else {
            return Ok(Next::Nothing { position });
        };
        self.position += length as u64;
        let at = (position - self.buffer_at) as usize;
        match format::read(&self.buffer[at..at + length], self.id, position) {
            Ok(record) => Ok(Next::Record(position, record)),
            Err(format::Unfit::Damaged) => Ok(Next::Nothing { position }),
            Err(unfit) => Err(Flaw::of(unfit, self.path, position)),
        }
    }

    /// The number of the last commit behind `position`, if there is one. What is damaged before it
    /// was committed.
    pub(super) fn last_commit_behind(&mut self, position: u64) -> Result<Option<u64>, Flaw> {
        /// A mark behind a record's head.
        const LEAST: usize = RECORD_HEAD_BYTES + MARK.len();
        let mut last = None;
        self.position = position;
        loop {
            if self.length - self.position < LEAST as u64 {
                return Ok(last);
            }
            self.fill(LEAST)?;
            let window = &self.buffer[(self.position - self.buffer_at) as usize..];
            let marks = window.windows(MARK.len()).enumerate().skip(RECORD_HEAD_BYTES);
            let mark = marks.filter(|(_, bytes)| *bytes == MARK).map(|(at, _)| at).next();
            let Some(mark) = mark else {
                // The window's last bytes may be the beginning of a mark: they are looked at again.
                self.position += (window.len() - LEAST + 1) as u64;
                continue;
            };
            let start = self.position + (mark - RECORD_HEAD_BYTES) as u64;
            self.position = start;
            if let Some(length) = self.next_bytes()? {
                let at = (start - self.buffer_at) as usize;
                let record = format::read(&self.buffer[at..at + length], self.id, start);
                if let Ok(Record::Commit(commit)) = record {
                    last = Some(commit.number);
                }
            }
            self.position = start + 1;
        }
    }

    /// Has the next record in the buffer, and returns its length; none if the file is too short for
    /// it.
    fn next_bytes(&mut self) -> Result<Option<usize>, Flaw> {
        let left = self.length - self.position;
        if left < RECORD_HEAD_BYTES as u64 {
            return Ok(None);
        }
        self.fill(RECORD_HEAD_BYTES)?;
        let at = (self.position - self.buffer_at) as usize;
        let head = self.buffer[at..].first_chunk().expect("the buffer has a head");
        match format::record_bytes(head) {
            Some(length) if length as u64 <= left => {
                self.fill(length)?;
                Ok(Some(length))
            }
            _ => Ok(None),
        }
    }

    /// Has so many bytes from the present position on in the buffer. They are there.
    fn fill(&mut self, bytes: usize) -> Result<(), Flaw> {
        let end = self.buffer_at + self.buffer.len() as u64;
        let is_inside = self.buffer_at <= self.position && self.position + bytes as u64 <= end;
        if is_inside {
            return Ok(());
        }
        let left = self.length - self.position;
        let wanted = (bytes.max(READ_BYTES) as u64).min(left) as usize;
        self.buffer.resize(wanted, 0);
        self.buffer_at = self.position;
        let read = self.file.read_exact_at(&mut self.buffer, self.position);
        read.map_err(|error| Flaw::reading(&error, self.path))
    }
}
