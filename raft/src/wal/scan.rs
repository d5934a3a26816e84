//! Reading one segment batch by batch.

use std::ops::Range;

use super::error::WalError;
use super::format::{
    BATCH_ALIGNMENT, BATCH_HEADER_BYTES, BatchHeader, RECORD_HEADER_BYTES, RecordError, RecordHeader,
    decode_record,
};
use super::segment::Segment;

/// How much is looked at at a time for a batch after a bad one.
const WINDOW_BYTES: usize = 1024 * 1024;

/// A valid record.
pub(super) struct Record {
    pub(super) header: RecordHeader,
    /// From the start of the file.
    pub(super) offset: u64,
    /// See [`Scanner::body`].
    pub(super) body: Range<usize>,
}

/// What stands at a position.
pub(super) enum Found {
    /// A batch, all of it valid.
    Batch {
        number: u64,
        records: Vec<Record>,
        /// Where the next batch would be.
        end: u64,
    },
    /// No batch, or one that is not whole.
    Nothing { offset: u64, reason: &'static str },
    /// The end of the segment.
    Full,
}

pub(super) struct Scanner<'a> {
    segment: &'a Segment,
    /// How far the file can be read.
    end: u64,
    buffer: Vec<u8>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(segment: &'a Segment) -> Result<Scanner<'a>, WalError> {
        let bytes = segment
            .file
            .len()
            .map_err(|error| WalError::io("measure", &segment.path, error))?;
        Ok(Scanner {
            segment,
            end: bytes.min(segment.capacity),
            buffer: Vec::new(),
        })
    }

    /// What stands at `position`.
    pub(super) fn batch(&mut self, position: u64) -> Result<Found, WalError> {
        let nothing = |offset, reason| Ok(Found::Nothing { offset, reason });
        if position + BATCH_HEADER_BYTES as u64 > self.end {
            return if self.end == self.segment.capacity {
                Ok(Found::Full)
            } else {
                nothing(position, "the file ends")
            };
        }
        let mut header = [0; BATCH_HEADER_BYTES];
        self.segment.read(&mut header, position)?;
        let Some(header) = BatchHeader::decode(&header, self.segment.salt) else {
            return nothing(position, "there is no batch");
        };
        let body_at = position + BATCH_HEADER_BYTES as u64;
        let body_end = body_at + u64::from(header.body_bytes);
        if body_end > self.end {
            return nothing(position, "the file ends within a batch");
        }
        self.buffer.resize(header.body_bytes as usize, 0);
        self.segment.read(&mut self.buffer, body_at)?;

        let mut records = Vec::with_capacity(header.records as usize);
        let mut at = 0;
        for _ in 0..header.records {
            let offset = body_at + at as u64;
            let record = match decode_record(&self.buffer[at..], self.segment.salt) {
                Ok(record) => record,
                Err(RecordError::Invalid(reason)) => return nothing(offset, reason),
                // It was written by a newer version, whatever else this batch is.
                Err(RecordError::Kind(kind)) => {
                    let path = self.segment.path.clone();
                    return Err(WalError::UnknownRecord { path, offset, kind });
                }
            };
            let start = at + RECORD_HEADER_BYTES;
            at = start + record.body_bytes as usize;
            records.push(Record {
                header: record,
                offset,
                body: start..at,
            });
        }
        if at != self.buffer.len() {
            return nothing(body_at + at as u64, "a batch is longer than its records");
        }
        Ok(Found::Batch {
            number: header.number,
            records,
            end: body_end.next_multiple_of(BATCH_ALIGNMENT as u64),
        })
    }

    /// The body of a record of the batch that was read last.
    pub(super) fn body(&self, record: &Record) -> &[u8] {
        &self.buffer[record.body.clone()]
    }

    /// The number of the first batch that begins after `position`.
    pub(super) fn later_batch(&mut self, position: u64) -> Result<Option<u64>, WalError> {
        let mut at = position + BATCH_ALIGNMENT as u64;
        while at + BATCH_HEADER_BYTES as u64 <= self.end {
            let bytes = WINDOW_BYTES.min((self.end - at) as usize);
            self.buffer.resize(bytes, 0);
            self.segment.read(&mut self.buffer, at)?;
            let last = bytes - BATCH_HEADER_BYTES;
            for offset in (0..=last).step_by(BATCH_ALIGNMENT) {
                let header = BatchHeader::decode(&self.buffer[offset..], self.segment.salt);
                if let Some(header) = header {
                    return Ok(Some(header.number));
                }
            }
            // Windows overlap by what a header at their border needs.
            at += (last / BATCH_ALIGNMENT * BATCH_ALIGNMENT + BATCH_ALIGNMENT) as u64;
        }
        Ok(None)
    }
}
