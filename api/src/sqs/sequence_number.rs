//! Sequence numbers of FIFO queues' messages.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where the numbers begin, so that all have 20 digits and text sorts as they do.
const FIRST: u128 = 10_000_000_000_000_000_000;

/// A message's number within its queue, shown to clients as 20 digits. Strictly rises within a message group, because a group never
/// leaves its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(pub u64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", FIRST + u128::from(self.0))
    }
}

impl Serialize for SequenceNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
