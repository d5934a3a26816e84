//! FIFO: sequence numbers rise with the order in which a group's messages were sent, and none is given
//! to two messages of the queue (SQS: SequenceNumber).

use std::collections::BTreeMap;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate, Send};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let mut owners: BTreeMap<u128, &Send> = BTreeMap::new();
    let mut highest: BTreeMap<&str, &Send> = BTreeMap::new();
    let mut found = Vec::new();
    for send in facts.sends.iter().filter(|send| send.fate == Fate::Done) {
        let (Some(group), Some(sequence)) = (send.group.as_deref(), send.sequence) else {
            continue;
        };
        if let Some(owner) = owners.insert(sequence, send)
            && owner.body != send.body
        {
            let what = format!(
                "{:?} and {:?} have the same sequence number",
                owner.body, send.body
            );
            found.push(Finding::new(what, [owner.call, send.call]));
        }
        let before = highest.entry(group).or_insert(send);
        if Some(sequence) < before.sequence {
            let what = format!(
                "{:?} has a lower sequence number than {:?} before it",
                send.body, before.body
            );
            found.push(Finding::new(what, [before.call, send.call]));
        } else {
            *before = send;
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
        let facts = story::sent(&[("a", "g", 5), ("b", "h", 1), ("c", "g", 4)]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_number_was_given_twice() {
        let facts = story::sent(&[("a", "g", 5), ("b", "h", 5)]);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
