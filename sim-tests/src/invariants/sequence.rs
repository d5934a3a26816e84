//! FIFO: sequence numbers rise with the order in which messages were sent, on a queue of high throughput within each group, and
//! none is given to two messages of the queue (SQS: SequenceNumber).
//!
//! A send that ended before another one began came before it, and so did an earlier entry of a batch.
//! A duplicate has its original's number.

use std::collections::BTreeMap;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate, Send};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let repeated = facts.repeated();
    let mut owners: BTreeMap<u128, &Send> = BTreeMap::new();
    let mut found = Vec::new();
    let done = facts.sends.iter().filter(|send| send.fate == Fate::Done);
    let numbered: Vec<(u128, &Send)> = done.filter_map(|send| Some((send.sequence?, send))).collect();
    for (sequence, send) in &numbered {
        if let Some(owner) = owners.insert(*sequence, send)
            && owner.message_id != send.message_id
        {
            let what = format!(
                "{:?} and {:?} have the same sequence number",
                owner.body, send.body
            );
            found.push(Finding::new(what, [owner.call, send.call]));
        }
    }
    let once = numbered.into_iter();
    let once = once.filter(|(_, send)| !Facts::sent_again(&repeated, send));
    // Each list is ordered by itself.
    let mut lists: BTreeMap<Option<&str>, Vec<(u128, &Send)>> = BTreeMap::new();
    for (sequence, send) in once {
        let group = send.group.as_deref().filter(|_| facts.is_spread());
        lists.entry(group).or_default().push((sequence, send));
    }
    found.extend(lists.into_values().flat_map(falls));
    found
}

/// Numbers that fell. The sends are in the order in which they ended, as the history is.
fn falls(once: Vec<(u128, &Send)>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut began = once.clone();
    began.sort_by_key(|(_, send)| send.began);
    let mut ended = once.into_iter().peekable();
    let mut highest: Option<(u128, &Send)> = None;
    let mut before: Option<(u128, &Send)> = None;
    for (sequence, send) in began {
        while let Some(earlier) = ended.next_if(|(_, earlier)| earlier.ended < send.began) {
            highest = highest
                .into_iter()
                .chain([earlier])
                .max_by_key(|(sequence, _)| *sequence);
        }
        let in_batch = before.filter(|(_, entry)| entry.call == send.call);
        before = Some((sequence, send));
        for (_, earlier) in highest
            .into_iter()
            .chain(in_batch)
            .filter(|(other, _)| *other > sequence)
        {
            let what = format!(
                "{:?} has a lower sequence number than {:?} before it",
                send.body, earlier.body
            );
            found.push(Finding::new(what, [earlier.call, send.call]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::check;

    #[test]
    fn a_number_fell() {
        let mut facts = story::sent(&[("a", "g", 5), ("b", "h", 4)]);
        assert_eq!(found(check, &facts), [""; 0], "nobody knows which one was first");
        facts.sends[1].began = std::time::Duration::from_millis(1);
        facts.sends[1].ended = std::time::Duration::from_millis(1);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_number_fell_within_a_batch() {
        let mut facts = story::sent(&[("a", "g", 5), ("b", "h", 4)]);
        facts.sends[1].call = facts.sends[0].call;
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_number_was_given_twice() {
        let facts = story::sent(&[("a", "g", 5), ("b", "h", 5)]);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
