//! The shape in which machines hand out their state: rows of a key and a value.
//!
//! Checkpoints, snapshots and comparisons between replicas all work on rows and need not know
//! what a queue is. Where rows are kept is the business of `store`.

use bytes::{BufMut, Bytes, BytesMut};
use rustc_hash::FxHashSet;

use super::mix::mix;
use super::queue;

/// One row of a machine's state as checkpoints and snapshots hold it. Keys sort bytewise and their
/// first byte is the table, listed in `tables.rs`.
#[derive(Clone)]
pub struct Row {
    /// The key, unique within the group.
    pub key: Bytes,
    /// The value.
    pub value: RowValue,
}

impl Row {
    pub(super) fn encoded(key: Bytes, value: &impl prost::Message) -> Row {
        Row {
            key,
            value: RowValue::Encoded(value.encode_to_vec().into()),
        }
    }
}

impl Row {
    /// About how many bytes it takes once it is encoded.
    pub fn approximate_bytes(&self) -> usize {
        self.key.len().saturating_add(self.value.approximate_bytes())
    }
}

impl From<(Bytes, Bytes)> for Row {
    fn from((key, value): (Bytes, Bytes)) -> Row {
        Row {
            key,
            value: RowValue::Encoded(value),
        }
    }
}

/// A row's value, encoded as late as possible: cutting a checkpoint happens between two entries
/// and must not copy bodies; encoding happens on the checkpoint's own thread.
#[derive(Clone)]
pub enum RowValue {
    /// Already bytes.
    Encoded(Bytes),
    /// A message, shared with the machine; `queue` encodes it.
    Message(queue::MessageRow),
}

impl RowValue {
    /// About how many bytes it takes once it is encoded.
    pub fn approximate_bytes(&self) -> usize {
        match self {
            RowValue::Encoded(value) => value.len(),
            RowValue::Message(message) => usize::try_from(message.approximate_bytes()).unwrap_or(usize::MAX),
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            RowValue::Encoded(value) => value.len(),
            RowValue::Message(message) => message.memory_bytes(),
        }
    }

    /// The value as it is stored, unless it lacks a letter that cannot be read.
    ///
    /// # Errors
    /// If it does.
    pub fn try_encode(&self) -> std::io::Result<Bytes> {
        match self {
            RowValue::Encoded(bytes) => Ok(bytes.clone()),
            RowValue::Message(message) => message.try_encode(),
        }
    }

    /// The value as it is stored.
    pub fn encode(&self) -> Bytes {
        match self {
            RowValue::Encoded(bytes) => bytes.clone(),
            RowValue::Message(message) => message.encode(),
        }
    }
}

/// What changed in a machine since the last cut.
#[derive(Clone, Default)]
pub struct Delta {
    /// If set, every row that was there before goes first.
    pub clear: bool,
    /// Rows to write.
    pub puts: Vec<Row>,
    /// Keys to remove. No key stands both here and in `puts`.
    pub deletes: Vec<Bytes>,
}

impl Delta {
    /// A whole state, whatever was there before.
    pub fn whole(rows: Vec<Row>) -> Delta {
        Delta {
            clear: true,
            puts: rows,
            deletes: Vec::new(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.clear && self.puts.is_empty() && self.deletes.is_empty()
    }

    /// What this delta and the one that was cut after it change together.
    pub fn then(self, next: Delta) -> Delta {
        Delta::of_portions(vec![self, next])
    }

    /// What deltas change together that were cut one after the other. Costs as much as they have keys.
    pub fn of_portions(mut portions: Vec<Delta>) -> Delta {
        let Some(mut whole) = portions.pop() else {
            return Delta::default();
        };
        if portions.iter().all(Delta::is_empty) || whole.clear {
            return whole;
        }
        let mut seen: FxHashSet<Bytes> = whole.keys().cloned().collect();
        while let Some(mut before) = portions.pop() {
            before.puts.retain(|row| seen.insert(row.key.clone()));
            before.deletes.retain(|key| seen.insert(key.clone()));
            whole.puts.append(&mut before.puts);
            whole.deletes.append(&mut before.deletes);
            if before.clear {
                // There is nothing to delete where all rows go first.
                whole.clear = true;
                whole.deletes.clear();
                break;
            }
        }
        whole
    }

    /// About how many bytes of memory it takes, with what it shares with the machine.
    pub fn memory_bytes(&self) -> usize {
        let puts = self.puts.iter();
        let puts = puts.map(|row| size_of::<Row>() + row.key.len() + row.value.memory_bytes());
        let deletes = self.deletes.iter().map(|key| key.len() + size_of::<Bytes>());
        puts.chain(deletes).fold(0, usize::saturating_add)
    }

    fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.puts.iter().map(|row| &row.key).chain(&self.deletes)
    }
}

/// Rows that belong to a [`Delta`] and are made where that may take long: not under the state's lock.
#[derive(Default)]
pub struct Later(Vec<Box<dyn FnOnce() -> Vec<Row> + Send + Sync>>);

impl Later {
    pub(super) fn new(rows: impl FnOnce() -> Vec<Row> + Send + Sync + 'static) -> Later {
        Later(vec![Box::new(rows)])
    }

    pub(super) fn append(&mut self, more: Later) {
        self.0.extend(more.0);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The delta with these rows.
    pub fn add_to(self, mut delta: Delta) -> Delta {
        for rows in self.0 {
            delta.puts.extend(rows());
        }
        delta
    }
}

/// A machine could not be built from rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A newer version of this program wrote them. Says what was found and what is known.
    #[error("the state is of a newer version: {0}")]
    TooNew(String),
    /// They are of a version that this program does not read any more.
    #[error("the state is of too old a version: {0}")]
    TooOld(String),
    /// They are no state of such a machine.
    #[error("the state makes no sense: {0}")]
    Damaged(String),
}

impl LoadError {
    /// For a value that is no valid protobuf of its table.
    pub(super) fn undecodable(table: u8, error: prost::DecodeError) -> LoadError {
        LoadError::Damaged(format!("a row of table {table:#04x} cannot be decoded: {error}"))
    }

    /// For a table that a later version may have added.
    pub(super) fn unknown_table(table: Option<&u8>, of: &str) -> LoadError {
        match table {
            Some(table) => LoadError::TooNew(format!(
                "table {table:#04x} of {of}, which this version does not know"
            )),
            None => LoadError::Damaged(format!("a row of {of} without a key")),
        }
    }

    /// For a format that is not the one which this version reads.
    pub(super) fn format(of: &str, found: u32, known: u32) -> LoadError {
        let what = format!("format {found} of {of}, and this version reads {known}");
        match found > known {
            true => LoadError::TooNew(what),
            // Every format began at 1.
            false if found == 0 => LoadError::Damaged(what),
            false => LoadError::TooOld(what),
        }
    }
}

/// The key of the one row of a table that has only one.
pub(super) fn single_key(table: u8) -> Bytes {
    Bytes::copy_from_slice(&[table])
}

/// The key of a row that has a number.
pub(crate) fn numbered_key(table: u8, number: u64) -> Bytes {
    let mut key = [0; 9];
    key[0] = table;
    key[1..].copy_from_slice(&number.to_be_bytes());
    Bytes::copy_from_slice(&key)
}

/// The number in such a key.
pub(crate) fn number_in_key(key: &[u8]) -> Result<u64, LoadError> {
    let number = key.get(1..).and_then(|rest| <[u8; 8]>::try_from(rest).ok());
    number
        .map(u64::from_be_bytes)
        .ok_or_else(|| LoadError::Damaged(format!("a key of {} bytes where 9 were expected", key.len())))
}

/// The key of a row that is named by texts, none of which contains a zero byte.
pub(super) fn named_key(table: u8, parts: [&str; 3]) -> Bytes {
    let mut key = BytesMut::with_capacity(3 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.put_u8(table);
    key.put_slice(parts.join("\0").as_bytes());
    key.freeze()
}

/// Checksum over keys and values in their order.
pub(super) fn digest(rows: &[Row]) -> u64 {
    let mut state = rows.len() as u64;
    for row in rows {
        let value = row.value.encode();
        for part in [&row.key, &value] {
            let checksum = u64::from(crc32c::crc32c(part)) | (part.len() as u64) << 32;
            state = mix(state ^ checksum);
        }
    }
    state
}
