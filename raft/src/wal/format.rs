//! How the log looks on disk: every number little-endian.
//!
//! ```text
//! folder    wal.id            identity: magic, format version, the folder's random number, CRC
//!           wal.manifest      how far the log has come: see `manifest.rs`
//!           00000001.wal …    segments, each a header block and then batches
//! batch     crc u32, tag u32, number u64, body length u32, records u32, then its records; starts at a multiple of 8
//! record    crc u32, length u32, group u64, index u64, kind u8, then the body
//! ```
//!
//! A *batch* is what one write carried, and it was durable before the next batch was written.
//! Batches are numbered without gaps over all segments. That is how recovery tells a torn tail
//! (nothing after the bad batch) from damage (a later batch exists, so that the bad one was
//! durable once).
//!
//! Every CRC starts from the segment's *salt*, made of the folder's number and the segment's
//! sequence number: what a recycled file held in an earlier life never passes for a record of
//! this one. A CRC-32C with another start differs for certain, not just probably, when the rest
//! is equal.

use super::WalOptions;

/// The version in the identity file and in every segment. An older one would be read; there is none yet.
pub(super) const FORMAT_VERSION: u32 = 1;
/// The header has a disk block of its own, so that rewriting it can tear nothing else.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 4096;
pub(super) const IDENTITY_BYTES: usize = 24;
pub(super) const MANIFEST_USED: usize = 48;
pub(super) const BATCH_HEADER_BYTES: usize = 24;
pub(super) const RECORD_HEADER_BYTES: usize = 25;
/// Batches start at multiples of this, which makes looking for one cheap.
pub(super) const BATCH_ALIGNMENT: usize = 8;

/// No log counts so far: a greater number is damage. Whatever is read can be added to without an overflow.
const NUMBER_MAX: u64 = u64::MAX >> 1;

const IDENTITY_MAGIC: &[u8; 8] = b"MILLRLOG";
const SEGMENT_MAGIC: &[u8; 8] = b"MILLRSEG";
const MANIFEST_MAGIC: &[u8; 8] = b"MILLRMAN";
const SEGMENT_HEADER_USED: usize = 40;
const BATCH_TAG: u32 = u32::from_le_bytes(*b"MRba");

/// What a record says. The numbers are on disk: never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum RecordKind {
    /// An entry of a group's log.
    Entry = 1,
    /// The group's vote.
    Vote = 2,
    /// Entries from this index on are gone.
    Truncate = 3,
    /// Entries up to this index are gone; the body is the caller's description of the last one.
    Purge = 4,
    /// All that was said about the group is gone.
    Forget = 5,
    /// How far the group knows its log to be committed. A hint.
    Committed = 6,
}

impl RecordKind {
    pub(super) fn from_byte(byte: u8) -> Option<RecordKind> {
        Some(match byte {
            1 => RecordKind::Entry,
            2 => RecordKind::Vote,
            3 => RecordKind::Truncate,
            4 => RecordKind::Purge,
            5 => RecordKind::Forget,
            6 => RecordKind::Committed,
            _ => return None,
        })
    }
}

/// Why a header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// Not a header, or a damaged one.
    Invalid,
    /// Of a version this build does not know.
    Version(u32),
}

pub(super) fn encode_identity(log: u64) -> [u8; IDENTITY_BYTES] {
    let mut bytes = [0; IDENTITY_BYTES];
    bytes[..8].copy_from_slice(IDENTITY_MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&log.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

pub(super) fn decode_identity(bytes: &[u8; IDENTITY_BYTES]) -> Result<u64, HeaderError> {
    check_header(bytes, IDENTITY_MAGIC)?;
    Ok(u64_at(bytes, 16))
}

/// The start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The folder's number, from the identity file.
    pub(super) log: u64,
    /// Position among the segments; grows by one.
    pub(super) sequence: u64,
    /// Bytes of the file, header included.
    pub(super) capacity: u64,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; SEGMENT_HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.log.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.capacity.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..SEGMENT_HEADER_USED]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<SegmentHeader, HeaderError> {
        let used = bytes.get(..SEGMENT_HEADER_USED).ok_or(HeaderError::Invalid)?;
        check_header(used, SEGMENT_MAGIC)?;
        let header = SegmentHeader {
            log: u64_at(used, 16),
            sequence: u64_at(used, 24),
            capacity: u64_at(used, 32),
        };
        if header.sequence > NUMBER_MAX || header.capacity > WalOptions::SEGMENT_BYTES_MAX {
            return Err(HeaderError::Invalid);
        }
        Ok(header)
    }
}

/// What a slot of the manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ManifestSlot {
    /// The folder's number, from the identity file.
    pub(super) log: u64,
    /// Grows by one with each write.
    pub(super) count: u64,
    /// The newest segment that was made.
    pub(super) prepared: u64,
    /// A batch that is known to be durable.
    pub(super) sealed: u64,
}

impl ManifestSlot {
    pub(super) fn encode(&self) -> [u8; MANIFEST_USED] {
        let mut bytes = [0; MANIFEST_USED];
        bytes[..8].copy_from_slice(MANIFEST_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.log.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.count.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.prepared.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.sealed.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; MANIFEST_USED]) -> Result<ManifestSlot, HeaderError> {
        check_header(bytes, MANIFEST_MAGIC)?;
        let slot = ManifestSlot {
            log: u64_at(bytes, 16),
            count: u64_at(bytes, 24),
            prepared: u64_at(bytes, 32),
            sealed: u64_at(bytes, 40),
        };
        if slot.count.max(slot.prepared).max(slot.sealed) > NUMBER_MAX {
            return Err(HeaderError::Invalid);
        }
        Ok(slot)
    }
}

/// Identity, manifest and segment headers share their first 16 bytes: magic, version, CRC of all with the CRC as zero.
fn check_header(bytes: &[u8], magic: &[u8; 8]) -> Result<(), HeaderError> {
    if bytes[..8] != *magic {
        return Err(HeaderError::Invalid);
    }
    let version = u32_at(bytes, 8);
    if version != FORMAT_VERSION {
        return Err(HeaderError::Version(version));
    }
    let crc = crc32c::crc32c(&bytes[..12]);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    let crc = crc32c::crc32c_append(crc, &bytes[16..]);
    if crc == u32_at(bytes, 12) {
        Ok(())
    } else {
        Err(HeaderError::Invalid)
    }
}

/// Where the CRCs of a segment start from. Different for 2^32 sequence numbers in a row.
pub(super) fn salt(log: u64, sequence: u64) -> u32 {
    ((log ^ (log >> 32)) as u32).wrapping_add(sequence as u32)
}

/// The start of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) number: u64,
    pub(super) body_bytes: u32,
    pub(super) records: u32,
}

impl BatchHeader {
    pub(super) fn encode(&self, salt: u32) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        bytes[4..8].copy_from_slice(&BATCH_TAG.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.records.to_le_bytes());
        let crc = crc32c::crc32c_append(salt, &bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8], salt: u32) -> Option<BatchHeader> {
        let bytes = bytes.get(..BATCH_HEADER_BYTES)?;
        if u32_at(bytes, 4) != BATCH_TAG || u32_at(bytes, 0) != crc32c::crc32c_append(salt, &bytes[4..]) {
            return None;
        }
        let header = BatchHeader {
            number: u64_at(bytes, 8),
            body_bytes: u32_at(bytes, 16),
            records: u32_at(bytes, 20),
        };
        let records_bytes = u64::from(header.records) * RECORD_HEADER_BYTES as u64;
        (header.number <= NUMBER_MAX && records_bytes <= u64::from(header.body_bytes)).then_some(header)
    }
}

/// The start of a record, and with [`encode_record`] and [`decode_record`] the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) kind: RecordKind,
    pub(super) group: u64,
    pub(super) index: u64,
    pub(super) body_bytes: u32,
}

/// Appends a record to `buffer`.
pub(super) fn encode_record(
    buffer: &mut Vec<u8>,
    salt: u32,
    kind: RecordKind,
    group: u64,
    index: u64,
    body: &[u8],
) {
    let mut header = [0; RECORD_HEADER_BYTES];
    header[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&group.to_le_bytes());
    header[16..24].copy_from_slice(&index.to_le_bytes());
    header[24] = kind as u8;
    let crc = crc32c::crc32c_append(salt, &header[4..]);
    let crc = crc32c::crc32c_append(crc, body);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    buffer.extend_from_slice(&header);
    buffer.extend_from_slice(body);
}

/// Why a record cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordError {
    /// Not a record, or not all of one.
    Invalid(&'static str),
    /// A whole record of a kind that this build does not know: a newer one has written it.
    Kind(u8),
}

/// Reads the record that `bytes` start with; its body follows the header.
pub(super) fn decode_record(bytes: &[u8], salt: u32) -> Result<RecordHeader, RecordError> {
    let header = bytes
        .get(..RECORD_HEADER_BYTES)
        .ok_or(RecordError::Invalid("a record ends before its header does"))?;
    let body_bytes = u32_at(header, 4);
    let record = bytes
        .get(..RECORD_HEADER_BYTES + body_bytes as usize)
        .ok_or(RecordError::Invalid("a record is longer than its batch"))?;
    if u32_at(record, 0) != crc32c::crc32c_append(salt, &record[4..]) {
        return Err(RecordError::Invalid("the checksum of a record does not match"));
    }
    let kind = RecordKind::from_byte(record[24]).ok_or(RecordError::Kind(record[24]))?;
    let index = u64_at(record, 16);
    if index > NUMBER_MAX {
        return Err(RecordError::Invalid("a record has an index that no log reaches"));
    }
    Ok(RecordHeader {
        kind,
        group: u64_at(record, 8),
        index,
        body_bytes,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut le = [0; 4];
    le.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(le)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut le = [0; 8];
    le.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(le)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_and_refuse_what_they_do_not_know() {
        let header = SegmentHeader {
            log: 7,
            sequence: 9,
            capacity: 1 << 20,
        };
        let mut bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        bytes[30] ^= 1;
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderError::Invalid));
        bytes[8] = 9;
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderError::Version(9)));

        let mut identity = encode_identity(5);
        assert_eq!(decode_identity(&identity), Ok(5));
        identity[20] ^= 1;
        assert_eq!(decode_identity(&identity), Err(HeaderError::Invalid));
    }

    #[test]
    fn numbers_that_no_log_reaches_are_damage() {
        let segment = |sequence, capacity| {
            let header = SegmentHeader {
                log: 7,
                sequence,
                capacity,
            };
            SegmentHeader::decode(&header.encode()).is_ok()
        };
        assert!(segment(NUMBER_MAX, WalOptions::SEGMENT_BYTES_MAX));
        assert!(!segment(NUMBER_MAX + 1, 1) && !segment(1, WalOptions::SEGMENT_BYTES_MAX + 1));

        let batch = |number, body_bytes, records| {
            let header = BatchHeader {
                number,
                body_bytes,
                records,
            };
            BatchHeader::decode(&header.encode(5), 5).is_some()
        };
        assert!(batch(NUMBER_MAX, 25, 1));
        assert!(!batch(u64::MAX, 25, 1) && !batch(1, 24, 1) && !batch(1, 0, u32::MAX));

        let mut record = Vec::new();
        encode_record(&mut record, 5, RecordKind::Purge, 3, u64::MAX, b"");
        assert!(decode_record(&record, 5).is_err());
    }

    #[test]
    fn a_record_of_another_life_is_never_valid() {
        let mut bytes = Vec::new();
        encode_record(&mut bytes, salt(42, 1), RecordKind::Entry, 3, 4, b"body");
        let record = decode_record(&bytes, salt(42, 1)).unwrap();
        assert_eq!((record.group, record.index), (3, 4));
        for sequence in 2..1_000 {
            assert!(decode_record(&bytes, salt(42, sequence)).is_err());
        }
    }
}
