//! FIFO: within five minutes the same deduplication id is the same message: a duplicate is told the first
//! one's MessageId and SequenceNumber and stores nothing, even if that was received and deleted; after the
//! five minutes it is a new message (SQS: exactly-once processing). A purge forgets the ids.
//!
//! A message was stored between the first beginning of a send that may have stored it, which is one that was
//! told its id or one of unknown fate, and the first end of a call that knew of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Facts, Fate, Send};

/// SQS's deduplication interval.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// A message, and when it was stored.
struct Stored<'a> {
    id: &'a str,
    sequence: Option<u128>,
    from: Duration,
    to: Duration,
    calls: Vec<usize>,
}

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    if !facts.is_fifo() {
        return Vec::new();
    }
    let repeated = facts.repeated();
    let mut keys: BTreeMap<&str, Vec<&Send>> = BTreeMap::new();
    for send in facts.sends.iter().filter(|send| send.fate != Fate::Refused) {
        if let Some(key) = send.key().filter(|key| repeated.contains(key)) {
            keys.entry(key).or_default().push(send);
        }
    }
    let slack = allowance.clock_slack + ROUNDING;
    keys.into_iter()
        .flat_map(|(key, sends)| of_key(facts, slack, key, &sends))
        .collect()
}

fn of_key(facts: &Facts, slack: Duration, key: &str, sends: &[&Send]) -> Vec<Finding> {
    let mut found = Vec::new();
    let stored = stored(facts, sends, &mut found);
    for send in sends.iter().filter(|send| send.fate == Fate::Done) {
        let Some(message) = stored.iter().find(|message| message.id == send.message_id) else {
            continue;
        };
        if send.sequence != message.sequence {
            let what = format!("{key:?} has two sequence numbers with one message id");
            let calls = message.calls.iter().copied().chain([send.call]);
            found.push(Finding::new(what, calls));
        }
        if send.began > message.to + INTERVAL + slack {
            let what = format!("{key:?} is a duplicate after more than five minutes");
            let calls = message.calls.iter().copied().chain([send.call]);
            found.push(Finding::new(what, calls));
        }
    }
    for (place, one) in stored.iter().enumerate() {
        for two in &stored[place + 1..] {
            let (from, to) = (one.from.min(two.from), one.to.max(two.to));
            let purges = facts.purges.iter().filter(|purge| purge.fate != Fate::Refused);
            let purged = purges
                .clone()
                .any(|purge| purge.began <= to && (purge.ended >= from || purge.fate == Fate::Unknown));
            // At the most they are so far apart.
            let apart = two
                .to
                .saturating_sub(one.from)
                .max(one.to.saturating_sub(two.from));
            if apart + slack < INTERVAL && !purged {
                let what = format!("{key:?} is two messages within five minutes");
                let calls = one.calls.iter().chain(&two.calls).copied();
                found.push(Finding::new(what, calls));
            }
        }
    }
    found
}

/// The messages that a key has been.
fn stored<'a>(facts: &'a Facts, sends: &[&'a Send], found: &mut Vec<Finding>) -> Vec<Stored<'a>> {
    let unknown = sends.iter().filter(|send| send.fate == Fate::Unknown);
    let unknown = unknown.map(|send| send.began).min();
    let mut all: BTreeMap<&str, Stored> = BTreeMap::new();
    for send in sends.iter().filter(|send| send.fate == Fate::Done) {
        let from = unknown.map_or(send.began, |unknown| unknown.min(send.began));
        let message = all.entry(&send.message_id).or_insert(Stored {
            id: &send.message_id,
            sequence: send.sequence,
            from,
            to: send.ended,
            calls: Vec::new(),
        });
        message.from = message.from.min(from);
        message.to = message.to.min(send.ended);
        message.calls.push(send.call);
    }
    for delivery in &facts.deliveries {
        if !sends.iter().any(|send| send.body == delivery.body) {
            continue;
        }
        if let Some(message) = all.get_mut(delivery.message_id.as_str()) {
            message.to = message.to.min(delivery.ended);
            continue;
        }
        let Some(from) = unknown else {
            let what = format!(
                "a duplicate {:?} was stored, which nobody was told",
                delivery.body
            );
            let calls = sends.iter().map(|send| send.call).chain([delivery.call]);
            found.push(Finding::new(what, calls));
            continue;
        };
        all.insert(
            &delivery.message_id,
            Stored {
                id: &delivery.message_id,
                sequence: None,
                from,
                to: delivery.ended,
                calls: vec![delivery.call],
            },
        );
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    /// The same id, sent at 0 and then.
    fn again_at(ms: u64, id: &str) -> Facts {
        let mut facts = story::sent(&[("a", "g", 1), ("a", "g", 1)]);
        facts.sends[1].began = Duration::from_millis(ms);
        facts.sends[1].ended = Duration::from_millis(ms);
        facts.sends[1].message_id = id.to_owned();
        facts
    }

    #[test]
    fn a_duplicate_is_the_first_one() {
        assert_eq!(found(check, &again_at(1_000, "id-a")), [""; 0]);
        assert_eq!(found(check, &again_at(1_000, "id-b")).len(), 1);
        let mut facts = again_at(1_000, "id-a");
        facts.sends[1].sequence = Some(2);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn after_five_minutes_it_is_a_new_message() {
        assert_eq!(found(check, &again_at(301_000, "id-b")), [""; 0]);
        assert_eq!(found(check, &again_at(301_000, "id-a")).len(), 1);
    }

    #[test]
    fn a_duplicate_stores_nothing() {
        let mut facts = again_at(1_000, "id-a");
        story::delivered(&mut facts, 2_000..2_001, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
        facts.deliveries[0].message_id = "id-b".to_owned();
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_purge_forgets() {
        let mut facts = again_at(1_000, "id-b");
        story::purged(&mut facts, 500..501);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
