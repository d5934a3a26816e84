//! The level that a command needs, read from its bytes without decoding it.

use bytes::{Buf, Bytes};
use prost::Message;

use super::{Level, table};
use crate::command::Batch;
use crate::command::cluster::RaiseLevel;
use crate::command::queue::SetLevel;
use crate::machine::MachineKind;

/// The tag of the invocation, which every command has beside its operation.
const INVOCATION: u64 = 1;

/// What a command asks of the machine that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// That it has a level.
    Level(Level),
    /// Nothing: it gives the machine this level.
    Raise(Level),
    /// More than this binary knows: its operation is in no table.
    Unknown,
}

impl Need {
    /// Whether a machine of `level` may understand the command.
    pub(crate) fn is_met_by(self, level: Level) -> bool {
        match self {
            Need::Level(needed) => needed <= level,
            Need::Raise(_) => true,
            Need::Unknown => false,
        }
    }

    /// The level that a machine of `level` has once it has applied the command. None if a leader
    /// that knows levels up to `known` must not propose it to that machine.
    pub(crate) fn then(self, level: Level, known: Level) -> Option<Level> {
        match self {
            Need::Level(needed) => (needed <= level).then_some(level),
            Need::Raise(to) => (to <= known).then_some(level.max(to)),
            Need::Unknown => None,
        }
    }
}

/// What a command needs.
pub(crate) fn need(kind: MachineKind, command: &[u8]) -> Need {
    let Some((tag, value)) = operation(command) else {
        // No replica can read it, whatever its level is.
        return Need::Level(Level::ZERO);
    };
    let (ops, raise) = match kind {
        MachineKind::Queue => {
            let set = (tag == table::SET_LEVEL).then(|| SetLevel::decode(value).map(|set| set.to));
            (&table::QUEUE_OPS, set)
        }
        MachineKind::Catalog => {
            let raise = (tag == table::RAISE_LEVEL).then(|| RaiseLevel::decode(value).map(|raise| raise.to));
            (&table::CATALOG_OPS, raise)
        }
    };
    match (raise, ops.level_of(tag)) {
        (Some(to), _) => Need::Raise(to.map_or(Level::ONE, |to| Level(to).max(Level::ONE))),
        (None, Some(level)) => Need::Level(level),
        (None, None) => Need::Unknown,
    }
}

/// A batch as a binary sees it that knows levels up to `known` only: operations above are unknown
/// to it. For nodes that act as an older release; others get their batch back as it is.
pub(crate) fn without_newer(kind: MachineKind, batch: Batch, known: Level) -> Batch {
    if known >= Level::LATEST {
        return batch;
    }
    let is_known = |command: &[u8]| match need(kind, command) {
        Need::Level(level) | Need::Raise(level) => level <= known,
        Need::Unknown => false,
    };
    let seen = |command: Bytes| match is_known(&command) {
        true => command,
        false => Bytes::new(),
    };
    Batch {
        commands: batch.commands.into_iter().map(seen).collect(),
        ..batch
    }
}

/// The tag and the bytes of a command's operation: of the first field that is not the invocation.
fn operation(mut command: &[u8]) -> Option<(u32, &[u8])> {
    while command.has_remaining() {
        let key = varint(&mut command)?;
        // Both fields are length-delimited, as all operations are.
        if key & 0b111 != 2 {
            return None;
        }
        let len = usize::try_from(varint(&mut command)?).ok()?;
        let value = command.get(..len)?;
        if key >> 3 != INVOCATION {
            return Some((u32::try_from(key >> 3).ok()?, value));
        }
        command.advance(len);
    }
    None
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.first()?;
        bytes.advance(1);
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::queue::{QueueCommand, QueueOp, Recall};

    fn bytes(op: QueueOp) -> Bytes {
        let command = QueueCommand {
            invocation: Bytes::from_static(b"0123456789abcdef"),
            op: Some(op),
        };
        command.encode_to_vec().into()
    }

    #[test]
    fn a_command_names_the_level_that_it_needs() {
        let need = |command: &[u8]| need(MachineKind::Queue, command);
        assert_eq!(need(&bytes(QueueOp::Recall(Recall {}))), Need::Level(Level::ZERO));
        assert_eq!(
            need(&bytes(QueueOp::SetLevel(SetLevel { to: 7 }))),
            Need::Raise(Level(7))
        );
        // Operation 99, which has no meaning yet.
        assert_eq!(need(&[0x9a, 0x06, 0]), Need::Unknown);
        for malformed in [&b""[..], &[0xff], &[0x0a, 200], &[0x08, 1]] {
            assert_eq!(need(malformed), Need::Level(Level::ZERO), "{malformed:?}");
        }
    }

    #[test]
    fn an_older_binary_does_not_see_newer_operations() {
        let old = bytes(QueueOp::Recall(Recall {}));
        let batch = Batch {
            commands: vec![bytes(QueueOp::SetLevel(SetLevel { to: 1 })), old.clone()],
            ..Batch::default()
        };
        let seen = without_newer(MachineKind::Queue, batch.clone(), Level::ZERO);
        assert_eq!(seen.commands, [Bytes::new(), old]);
        assert_eq!(
            without_newer(MachineKind::Queue, batch.clone(), Level::LATEST),
            batch
        );
    }
}
