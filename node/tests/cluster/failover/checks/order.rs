//! FIFO: the messages of a group are first received in the order in which they were sent.
//!
//! The producer of a group makes one call after the other, so acknowledged sends have an order. A send that
//! failed after all retries has no end, hence no place in the order, and is left out. A later delivery of the
//! same message is for the rules about deletes and timeouts.

use std::collections::{BTreeMap, BTreeSet};

use super::History;

pub(super) fn check(history: &History) -> Vec<String> {
    let place: BTreeMap<&str, usize> = history
        .sends
        .iter()
        .enumerate()
        .filter(|(_, send)| send.acknowledged.is_some())
        .map(|(place, send)| (send.body.as_str(), place))
        .collect();
    let mut seen = BTreeSet::new();
    let mut furthest: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &history.deliveries {
        let (Some(group), Some(place)) = (delivery.group.as_deref(), place.get(delivery.body.as_str()))
        else {
            continue;
        };
        if !seen.insert(&delivery.body) {
            continue;
        }
        let (before, body) = *furthest.get(group).unwrap_or(&(*place, ""));
        if before > *place {
            found.push(format!("out of order, after {body:?}: {delivery:?}"));
        } else {
            furthest.insert(group, (*place, &delivery.body));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::check;

    #[test]
    fn a_group_was_received_out_of_order() {
        let mut history = story::sent(&[
            ("a", "g", "id-a", 1),
            ("b", "g", "id-b", 2),
            ("c", "g", "id-c", 3),
        ]);
        story::delivered(&mut history, 1, 0..1, &["a", "c"]);
        story::delivered(&mut history, 2, 2..3, &["b"]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn also_within_one_reply() {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "g", "id-b", 2)]);
        story::delivered(&mut history, 1, 0..1, &["b", "a"]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn groups_have_no_order_between_them() {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "h", "id-b", 2)]);
        story::delivered(&mut history, 1, 0..1, &["b", "a"]);
        assert!(check(&history).is_empty());
    }

    #[test]
    fn a_second_delivery_is_no_step_back() {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "g", "id-b", 2)]);
        story::delivered(&mut history, 1, 0..1, &["a", "b"]);
        story::delivered(&mut history, 2, 200..201, &["a", "b"]);
        assert!(check(&history).is_empty());
    }
}
