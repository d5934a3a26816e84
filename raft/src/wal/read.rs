//! Reading entries back: recent ones from memory, older ones from their segment.

use std::ops::Range;

use bytes::Bytes;

use super::entries::Location;
use super::error::WalError;
use super::format::{RECORD_HEADER_BYTES, RecordError, RecordKind, decode_record};
use super::group::GroupLog;
use crate::types::LogIndex;

/// Entries without holes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The index of the first one.
    pub first: LogIndex,
    /// Their bodies.
    pub bodies: Vec<Bytes>,
}

enum Source {
    Memory(Bytes),
    Disk(Location),
}

impl GroupLog {
    /// What [`GroupLog::read`] gives, if it needs nothing from the disk.
    pub fn read_from_memory(&self, range: Range<u64>, max_bytes: usize) -> Option<Run> {
        let (first, sources) = self.find(range, max_bytes);
        let bodies = sources.into_iter().map(|source| match source {
            Source::Memory(body) => Some(body),
            Source::Disk(_) => None,
        });
        let first = LogIndex(first);
        Some(Run {
            first,
            bodies: bodies.collect::<Option<_>>()?,
        })
    }

    /// The entries of `range` that exist, as many as fit into `max_bytes` and at least one. Reads of
    /// older entries block on the disk, mostly on the page cache.
    pub fn read(&self, range: Range<u64>, max_bytes: usize) -> Result<Run, WalError> {
        loop {
            let (first, sources) = self.find(range.clone(), max_bytes);
            let mut bodies = Vec::with_capacity(sources.len());
            let mut has_moved = false;
            for (index, source) in (first..).zip(sources) {
                match source {
                    Source::Memory(body) => bodies.push(body),
                    Source::Disk(location) => match self.read_disk(index, location) {
                        Ok(Some(body)) => bodies.push(body),
                        // Purged or replaced while we read, and its segment perhaps reused: look again.
                        _ if !self.is_at(index, location) => {
                            has_moved = true;
                            break;
                        }
                        Ok(None) => {
                            unreachable!("the segment of entry {index} was recycled under it")
                        }
                        Err(error) => return Err(error),
                    },
                }
            }
            if !has_moved {
                let first = LogIndex(first);
                return Ok(Run { first, bodies });
            }
        }
    }

    /// Where the entries are now; bodies in memory cannot go away any more.
    fn find(&self, range: Range<u64>, max_bytes: usize) -> (u64, Vec<Source>) {
        let state = self.group.state.lock();
        let entries = &state.entries;
        let first = range.start.max(entries.first());
        let mut sources = Vec::new();
        let mut bytes = 0;
        for index in first..range.end.min(entries.end()) {
            let (source, len) = match (entries.cached(index), entries.location(index)) {
                (Some(body), _) => (Source::Memory(body.clone()), body.len()),
                (None, Some(location)) => (Source::Disk(location), location.body_bytes as usize),
                (None, None) => break,
            };
            bytes += len;
            if bytes > max_bytes && !sources.is_empty() {
                break;
            }
            sources.push(source);
        }
        (first, sources)
    }

    fn is_at(&self, index: u64, location: Location) -> bool {
        self.group.state.lock().entries.location(index) == Some(location)
    }

    /// None if the segment is not in use any more.
    fn read_disk(&self, index: u64, location: Location) -> Result<Option<Bytes>, WalError> {
        let segment = self.shared.segments.read().get(&location.segment).cloned();
        let Some(segment) = segment else {
            return Ok(None);
        };
        let mut record = vec![0; RECORD_HEADER_BYTES + location.body_bytes as usize];
        let offset = u64::from(location.offset);
        segment.read(&mut record, offset)?;
        let header = decode_record(&record, segment.salt).map_err(|error| match error {
            RecordError::Invalid(reason) => WalError::damaged(&segment.path, offset, reason),
            RecordError::Kind(kind) => WalError::damaged(&segment.path, offset, format!("kind {kind}")),
        })?;
        if (header.kind, header.group, header.index) != (RecordKind::Entry, self.group.id.0, index) {
            let reason = format!("entry {index} of group {} was here", self.group.id);
            return Err(WalError::damaged(&segment.path, offset, reason));
        }
        Ok(Some(Bytes::from(record).slice(RECORD_HEADER_BYTES..)))
    }
}
