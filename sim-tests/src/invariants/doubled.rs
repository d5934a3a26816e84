//! One call of SendMessage stores one message, however often the SDK repeats it (README: every write
//! carries an idempotency key).
//!
//! Bodies are unique to their call, so a body under two message ids was stored twice. The id that was
//! received must also be the one that the sender was told. What is sent again on purpose is for the rule
//! about deduplication.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allowance, Finding};
use crate::history::{Facts, Fate};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let mut ids: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<usize>)> = BTreeMap::new();
    for delivery in &facts.deliveries {
        let (ids, calls) = ids.entry(&delivery.body).or_default();
        if ids.insert(&delivery.message_id) {
            calls.insert(delivery.call);
        }
    }
    for send in &facts.sends {
        if send.fate == Fate::Done
            && let Some((ids, calls)) = ids.get_mut(send.body.as_str())
        {
            ids.insert(&send.message_id);
            calls.insert(send.call);
        }
    }
    let mut sent = BTreeSet::new();
    let again = facts.sends.iter().filter(|send| !sent.insert(&send.body));
    let again: BTreeSet<&str> = again.map(|send| send.body.as_str()).collect();
    let doubled = ids
        .into_iter()
        .filter(|(body, (ids, _))| ids.len() > 1 && !again.contains(body));
    doubled
        .map(|(body, (ids, calls))| Finding::new(format!("{body:?} has the message ids {ids:?}"), calls))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::check;

    #[test]
    fn a_retry_was_stored_again() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 0..1, &["a"]);
        story::delivered(&mut facts, 2..3, &["a"]);
        assert_eq!(
            found(check, &facts),
            [""; 0],
            "the same message twice is no doubled send"
        );
        facts.deliveries[1].message_id = "id-again".to_owned();
        assert!(found(check, &facts)[0].contains("id-again"));
    }

    #[test]
    fn the_sender_was_told_another_id() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.sends[0].message_id = "id-told".to_owned();
        story::delivered(&mut facts, 0..1, &["a"]);
        assert!(found(check, &facts)[0].contains("id-told"));
    }
}
