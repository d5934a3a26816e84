//! Every acknowledged message is received, and nothing is received that was never sent.
//!
//! The promise (README): nothing acknowledged is lost when a node dies. Messages that may have been
//! purged, and those of a queue that somebody deletes, promise nothing.

use std::collections::BTreeSet;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate, Send};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let received: BTreeSet<&str> = facts.deliveries.iter().map(|d| d.body.as_str()).collect();
    let sent: BTreeSet<&str> = facts.sends.iter().map(|s| s.body.as_str()).collect();
    let may_be_purged = |send: &Send| {
        let mut purges = facts.purges.iter().filter(|purge| purge.fate != Fate::Refused);
        purges.any(|purge| send.began <= purge.ended || purge.fate == Fate::Unknown)
    };
    let lost = facts
        .sends
        .iter()
        .filter(|send| send.fate == Fate::Done && !facts.deleted && !may_be_purged(send))
        .filter(|send| !received.contains(send.body.as_str()))
        .map(|send| {
            Finding::new(
                format!("{:?} was acknowledged and never received", send.body),
                [send.call],
            )
        });
    let invented = facts
        .deliveries
        .iter()
        .filter(|delivery| !sent.contains(delivery.body.as_str()))
        .map(|delivery| {
            Finding::new(
                format!("{:?} was never sent to this queue", delivery.body),
                [delivery.call],
            )
        });
    lost.chain(invented).collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::check;

    #[test]
    fn an_acknowledged_message_is_missing() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 0..1, &["a"]);
        assert!(found(check, &facts)[0].contains("\"b\""));
    }

    #[test]
    fn a_message_of_unknown_fate_may_be_missing() {
        let facts = story::unknown("a");
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_message_came_from_nowhere() {
        let mut facts = story::sent(&[]);
        story::delivered(&mut facts, 0..1, &["ghost"]);
        assert!(found(check, &facts)[0].contains("never sent"));
    }

    #[test]
    fn only_what_was_sent_before_a_purge_may_be_missing() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::purged(&mut facts, 5..6);
        assert_eq!(found(check, &facts), [""; 0]);
        facts.sends[0].began = std::time::Duration::from_millis(7);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
