//! A message that is in flight is not handed out again before its visibility timeout has passed, or
//! somebody has shortened it (SQS: visibility timeout).
//!
//! The cluster counts the deliveries of a message, which tells which of two came first. The first hand-out happened no earlier than its call began and the second no later than its call
//! ended: less time than the timeout between these two cannot be right. Leaders of different nodes stamp
//! the times, so this also sees a failover that forgets what is in flight.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Change, Delivery, Facts, Fate};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let changes = Changes::of(facts);
    let mut deliveries: Vec<&Delivery> = facts.deliveries.iter().collect();
    deliveries.sort_by_key(|delivery| delivery.count);
    let mut last: BTreeMap<&str, &Delivery> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in deliveries {
        if let Some(before) = last.insert(&delivery.message_id, delivery) {
            if before.count == delivery.count {
                let what = format!(
                    "{:?} was handed out twice as number {}",
                    delivery.body, delivery.count
                );
                found.push(Finding::new(what, [before.call, delivery.call]));
                continue;
            }
            let free = changes.free_from(before);
            if delivery.ended + ROUNDING + allowance.clock_slack < free {
                let what = format!(
                    "{:?} was received before its timeout, {free:?} at the soonest",
                    delivery.body
                );
                found.push(Finding::new(what, [before.call, delivery.call]));
            }
        }
    }
    found
}

/// Changes of visibility that may have been done, by message.
pub(super) struct Changes<'a>(BTreeMap<&'a str, Vec<&'a Change>>);

impl<'a> Changes<'a> {
    pub(super) fn of(facts: &'a Facts) -> Changes<'a> {
        let mut all: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        for change in facts.changes.iter().filter(|change| change.fate != Fate::Refused) {
            all.entry(&change.message_id).or_default().push(change);
        }
        Changes(all)
    }

    /// Until when the message is surely not visible again after this delivery, unless it is deleted.
    pub(super) fn free_from(&self, delivery: &Delivery) -> Duration {
        let changes = self.0.get(delivery.message_id.as_str()).into_iter().flatten();
        // A change that was done with this delivery's handle was done before the next delivery. If it began
        // after the end of something else, it has replaced that.
        let done = changes
            .clone()
            .filter(|change| change.fate == Fate::Done && change.receipt == delivery.receipt);
        let replaced = |ended: Duration| done.clone().any(|change| change.began > ended);
        let later = changes.filter(|change| {
            change.fate == Fate::Unknown || change.ended >= delivery.began && !replaced(change.ended)
        });
        let ends = later.map(|change| change.began.max(delivery.began) + change.visibility);
        let own = (!replaced(delivery.ended)).then_some(delivery.began + delivery.visibility.min);
        ends.chain(own).min().unwrap_or_default()
    }

    /// From when on the message surely is visible again after this delivery, if it is there at all and
    /// was not delivered again before `until`; never, if nobody knows.
    pub(super) fn surely_free_from(&self, delivery: &Delivery, until: Duration) -> Option<Duration> {
        let changes = self.0.get(delivery.message_id.as_str()).into_iter().flatten();
        let mut ends = delivery.ended + delivery.visibility.max;
        for change in changes.filter(|change| change.began <= until) {
            if change.fate == Fate::Unknown {
                return None;
            }
            ends = ends.max(change.ended + change.visibility);
        }
        Some(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, VISIBILITY_MS, found};
    use super::check;

    #[test]
    fn a_message_in_flight_was_shown_again() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 10..20, &["a"]);
        story::delivered(&mut facts, 50..60, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        story::changed(&mut facts, "a", 30..31, 0);
        assert_eq!(found(check, &facts), [""; 0], "somebody gave it back");
    }

    #[test]
    fn after_the_timeout_it_may_be() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 10..20, &["a"]);
        story::delivered(&mut facts, 15..(11 + VISIBILITY_MS), &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn an_extension_holds() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 10..20, &["a"]);
        story::changed(&mut facts, "a", 30..31, 3 * VISIBILITY_MS);
        story::delivered(&mut facts, 150..(30 + 3 * VISIBILITY_MS - 3), &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        facts.changes[0].ended = facts.deliveries[0].ended;
        facts.changes[0].began = facts.deliveries[0].began;
        assert_eq!(
            found(check, &facts),
            [""; 0],
            "it may have come before the delivery"
        );
    }

    #[test]
    fn one_reply_does_not_hold_a_message_twice() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 10..20, &["a", "a"]);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
