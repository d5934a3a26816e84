//! FIFO: the messages of a group are first received in the order in which they were sent.
//!
//! The order is that of their sequence numbers, of which another rule says that they follow time. A send of
//! unknown fate has no number that anybody knows, and is left out. A later delivery of the same message is
//! for the rules about deletes and timeouts.
//!
//! A reply can take longer than the visibility timeout that its receive asked for. The message may
//! have been handed out first, be visible again, and have been moved elsewhere before the next ones
//! were received. So two calls that overlap by so much have no order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Send};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let acknowledged = facts.acknowledged();
    let mut seen = BTreeSet::new();
    let mut furthest: BTreeMap<&str, (u128, &Send, &Delivery)> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &facts.deliveries {
        let (Some(group), Some(send)) = (
            delivery.group.as_deref(),
            acknowledged.get(delivery.message_id.as_str()),
        ) else {
            continue;
        };
        let Some(place) = send.sequence else {
            continue;
        };
        if !seen.insert(&delivery.message_id) {
            continue;
        }
        match furthest.get(group) {
            Some((before, earlier_send, earlier)) if *before > place => {
                if delivery.began + delivery.visibility.min <= earlier.ended {
                    continue;
                }
                let what = format!(
                    "{:?} came after {:?}, which was sent later",
                    delivery.body, earlier.body
                );
                let sent = [send.call, earlier_send.call];
                found.push(Finding::new(
                    what,
                    sent.into_iter().chain([earlier.call, delivery.call]),
                ));
            }
            _ => {
                furthest.insert(group, (place, send, delivery));
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
    fn a_reply_that_took_longer_than_the_visibility_timeout_may_be_of_the_first() {
        let case = |began| {
            let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
            story::delivered(&mut facts, 150..200, &["b"]);
            story::delivered(&mut facts, began..210, &["a"]);
            found(check, &facts).len()
        };
        let earliest = 200 - story::VISIBILITY_MS;
        assert_eq!((case(earliest), case(earliest + 1)), (0, 1));
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
