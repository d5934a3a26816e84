//! A FIFO queue is linearizable: to its clients it looks as if each call had been done in one moment
//! between its beginning and its end (Herlihy and Wing, 1990).
//!
//! No search for such an order is needed. When all values differ, a queue's history is linearizable if and
//! only if none of four patterns is in it (Henzinger, Sezgin and Vafeiadis, "Aspect-oriented linearizability
//! proofs", 2013), each of them a matter of two or three intervals, however long the history is:
//!
//! - a value is taken that was never put: rule `lost`;
//! - a value is taken twice: rules `timeout`, `deleted` and `doubled`, as a delivery takes a message only
//!   for a while;
//! - nothing is found although something was there all the time: rule `empty`;
//! - two values are put one after the other, and taken one after the other, in the opposite order. This
//!   is the rule below. Taken is what a first delivery does, and groups are queues of their own.
//!
//! An exhaustive search over short windows would find no more than these, and would have to leave open when
//! timeouts end, which `empty` knows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Send};

/// A message that was sent once, and its deliveries.
struct Taken<'a> {
    send: &'a Send,
    /// The one that ended first: it was taken by then.
    by: &'a Delivery,
    /// When it was taken at the soonest, if the first delivery is known.
    from: Option<&'a Delivery>,
}

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    if !facts.is_fifo() {
        return Vec::new();
    }
    let repeated = facts.repeated();
    let acknowledged = facts.acknowledged();
    let mut groups: BTreeMap<&str, BTreeMap<&str, Taken>> = BTreeMap::new();
    for delivery in &facts.deliveries {
        let Some(send) = acknowledged.get(delivery.message_id.as_str()) else {
            continue;
        };
        let Some(group) = send
            .group
            .as_deref()
            .filter(|_| !Facts::sent_again(&repeated, send))
        else {
            continue;
        };
        let taken = groups.entry(group).or_default();
        let taken = taken.entry(&delivery.message_id).or_insert(Taken {
            send,
            by: delivery,
            from: None,
        });
        // With an attempt id it may be the repetition of a receive that took it before.
        if delivery.count == 1 && delivery.attempt.is_none() {
            taken.from = Some(delivery);
        }
    }
    groups
        .into_values()
        .flat_map(|taken| of_group(taken.into_values().collect()))
        .collect()
}

/// Goes through the messages from the last sent to the first, with the one in mind that was taken first of
/// all that were surely sent later.
fn of_group(mut taken: Vec<Taken>) -> Vec<Finding> {
    let mut later: Vec<(Duration, usize)> = taken
        .iter()
        .enumerate()
        .map(|(place, taken)| (taken.send.began, place))
        .collect();
    later.sort_unstable();
    let mut order: Vec<usize> = (0..taken.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(taken[*place].send.ended));
    let mut first: Option<usize> = None;
    let mut found = Vec::new();
    for place in order {
        let one = &taken[place];
        while let Some((_, other)) = later.pop_if(|(began, _)| *began > one.send.ended) {
            if first.is_none_or(|first| taken[other].by.ended < taken[first].by.ended) {
                first = Some(other);
            }
        }
        let (Some(from), Some(two)) = (one.from, first.map(|first| &taken[first])) else {
            continue;
        };
        if two.by.ended < from.began {
            let what = format!(
                "{:?} was sent before {:?} and received after it",
                one.send.body, two.send.body
            );
            found.push(Finding::new(
                what,
                [one.send.call, two.send.call, two.by.call, from.call],
            ));
        }
    }
    taken.clear();
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    fn two() -> Facts {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2), ("c", "g", 3)]);
        for (place, send) in facts.sends.iter_mut().enumerate() {
            send.began = Duration::from_millis(10 * place as u64);
            send.ended = send.began + Duration::from_millis(5);
        }
        facts
    }

    #[test]
    fn a_later_message_was_received_before() {
        let mut facts = two();
        story::delivered(&mut facts, 100..110, &["c"]);
        story::delivered(&mut facts, 111..120, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        facts.deliveries[1].count = 2;
        assert_eq!(found(check, &facts), [""; 0], "its first delivery is not known");
    }

    #[test]
    fn what_overlaps_has_no_order() {
        let mut facts = two();
        story::delivered(&mut facts, 100..110, &["b"]);
        story::delivered(&mut facts, 105..120, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
        let mut facts = two();
        facts.sends[0].ended = facts.sends[1].began;
        story::delivered(&mut facts, 100..110, &["b"]);
        story::delivered(&mut facts, 111..120, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
