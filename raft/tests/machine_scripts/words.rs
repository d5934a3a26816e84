//! The small language of the stories: words, `name=value` pairs and spans of time.

use bytes::Bytes;
use raft::command::{Batch, Reply};
use raft::machine::Machine;

/// One input line: `[at TIME] verb word… name=value…`.
pub(crate) struct Line<'a> {
    pub(crate) verb: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// Takes a line apart; `now` is moved to the time it names.
    pub(crate) fn parse(line: &'a str, now: &mut u64) -> Line<'a> {
        let mut words = line.split_whitespace().peekable();
        if words.next_if_eq(&"at").is_some() {
            *now = span(words.next().expect("a time after `at`"));
        }
        let verb = words.next().expect("a verb");
        Line {
            verb,
            words: words.collect(),
        }
    }

    /// Everything after the verb.
    pub(crate) fn words(&self) -> &[&'a str] {
        &self.words
    }

    /// The value of `name=value`.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        value(&self.words, name)
    }

    /// The value of `name=` as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.value(name).map(number)
    }

    /// The idempotency key of `call=`, spread over 16 bytes.
    pub(crate) fn invocation(&self) -> Bytes {
        self.value("call").map(invocation).unwrap_or_default()
    }
}

/// The value of `name=value` among words.
pub(crate) fn value<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

pub(crate) fn invocation(name: &str) -> Bytes {
    let mut key = [0; 16];
    key[..name.len()].copy_from_slice(name.as_bytes());
    Bytes::copy_from_slice(&key)
}

pub(crate) fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// `250`, `30s`, `5m`, `12h` or `4d` in milliseconds.
pub(crate) fn span(text: &str) -> u64 {
    let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let unit = units
        .iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)));
    unit.map_or_else(|| number(text), |(count, ms)| number(count) * ms)
}

/// Applies one command as a batch of its own.
pub(crate) fn apply(machine: &mut Machine, now_ms: u64, command: impl Into<Bytes>) -> Reply {
    let replies = machine.apply(&batch(now_ms, command)).pop();
    replies.expect("one reply for one command")
}

/// A batch of one command. The seed follows from the time: stories do not show ids as they are.
pub(crate) fn batch(now_ms: u64, command: impl Into<Bytes>) -> Batch {
    Batch {
        now_ms,
        seed: now_ms ^ 0x5eed,
        commands: vec![command.into()],
        ..Batch::default()
    }
}

/// The machine as its rows bring it back.
pub(crate) fn reload(machine: &Machine) -> Machine {
    let rows = machine
        .rows()
        .into_iter()
        .map(|row| (row.key, row.value.encode()));
    let loaded = Machine::load(machine.kind(), rows).expect("its own rows can be loaded");
    assert_eq!(loaded.digest(), machine.digest(), "a loaded machine differs");
    loaded
}
