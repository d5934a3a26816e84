//! FIFO: the messages of a group are first received in the order in which they were sent.
//!
//! The producer of a group makes one call after the other, so acknowledged sends have an order. A send of
//! unknown fate has no end, hence no place in the order, and is left out. A later delivery of the same
//! message is for the rules about deletes and timeouts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Fate};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let sends = facts.sends.iter().enumerate();
    let acknowledged = sends.filter(|(_, send)| send.fate == Fate::Done && send.sequence.is_some());
    let place: BTreeMap<&str, usize> = acknowledged
        .map(|(place, send)| (send.body.as_str(), place))
        .collect();
    let mut seen = BTreeSet::new();
    let mut furthest: BTreeMap<&str, (usize, &Delivery)> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &facts.deliveries {
        let (Some(group), Some(place)) = (delivery.group.as_deref(), place.get(delivery.body.as_str()))
        else {
            continue;
        };
        if !seen.insert(&delivery.body) {
            continue;
        }
        match furthest.get(group) {
            Some((before, earlier)) if before > place => {
                let what = format!(
                    "{:?} came after {:?}, which was sent later",
                    delivery.body, earlier.body
                );
                let sent = [facts.sends[*place].call, facts.sends[*before].call];
                found.push(Finding::new(
                    what,
                    sent.into_iter().chain([earlier.call, delivery.call]),
                ));
            }
            _ => {
                furthest.insert(group, (*place, delivery));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::check;

    #[test]
    fn a_group_was_received_out_of_order() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2), ("c", "g", 3)]);
        story::delivered(&mut facts, 0..1, &["a", "c"]);
        story::delivered(&mut facts, 2..3, &["b"]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn also_within_one_reply() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 0..1, &["b", "a"]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn groups_have_no_order_between_them() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "h", 2)]);
        story::delivered(&mut facts, 0..1, &["b", "a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_second_delivery_is_no_step_back() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 0..1, &["a", "b"]);
        story::delivered(&mut facts, 200..201, &["a", "b"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
