//! Every acknowledged message is received, and nothing is received that was never sent.
//!
//! The promise (README): nothing acknowledged is lost when a node dies. Messages that may have been
//! purged, and those of a queue that somebody deletes, promise nothing. One that may have run out of its
//! retention must be missing only from then on: it is lost if the queue said before that it had nothing.

use std::collections::BTreeSet;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate, Send};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let all = || facts.deliveries.iter().chain(&facts.repeats);
    let received: BTreeSet<&str> = all().map(|d| d.message_id.as_str()).collect();
    let sent: BTreeSet<&str> = facts.sends.iter().map(|s| s.body.as_str()).collect();
    let may_be_purged = |send: &Send| {
        let mut purges = facts.purges.iter().filter(|purge| purge.fate != Fate::Refused);
        purges.any(|purge| send.began <= purge.ended || purge.fate == Fate::Unknown)
    };
    let end = facts.receives.iter().map(|receive| receive.ended).max();
    let must_be_received = |send: &Send| {
        let expires = (send.began + facts.retention.min).saturating_sub(allowance.clock_slack);
        let mut emptied = facts.emptied.iter();
        end.is_none_or(|end| end < expires)
            || emptied.any(|(began, ended)| *began > send.ended && *ended < expires)
    };
    let lost = facts
        .acknowledged()
        .into_iter()
        .filter(|(id, send)| !facts.deleted && !received.contains(id) && !may_be_purged(send))
        .filter(|(_, send)| must_be_received(send))
        .map(|(_, send)| {
            Finding::new(
                format!("{:?} was acknowledged and never received", send.body),
                [send.call],
            )
        });
    let invented = all()
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
    fn what_ran_out_may_be_missing_but_not_before() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        let ms = std::time::Duration::from_millis;
        facts.retention = crate::history::Span::of(ms(1_000));
        story::empty(&mut facts, 2_000..2_001);
        assert_eq!(found(check, &facts), [""; 0]);
        facts.emptied.push((ms(500), ms(501)));
        assert_eq!(found(check, &facts).len(), 1);
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
