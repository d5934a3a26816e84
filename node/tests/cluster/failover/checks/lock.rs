//! FIFO: while a message of a group is in flight, no other call receives a message of that group.
//!
//! In flight lasts until the message is deleted or its timeout has passed: from the end of the call that
//! received it until nobody has begun to delete it and the timeout, counted from the call's beginning, is
//! not over. Within one reply several messages of a group are fine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::History;
use crate::failover::history::Delivery;

pub(super) fn check(history: &History) -> Vec<String> {
    let mut deletes: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for delete in &history.deletes {
        deletes.entry(&delete.message_id).or_default().push(delete.began);
    }
    let surely_locked = |holder: &Delivery, at: Duration| {
        let began = deletes.get(holder.message_id.as_str());
        let being_deleted = began.is_some_and(|began| began.iter().any(|b| *b <= at));
        !being_deleted && at < holder.began + history.visibility
    };

    // Only the latest call of a group can hold its lock, if the rule held so far.
    let mut holders: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &history.deliveries {
        let Some(group) = delivery.group.as_deref() else {
            continue;
        };
        let holding = holders.entry(group).or_default();
        if holding.iter().any(|holder| holder.call != delivery.call) {
            if let Some(holder) = holding
                .iter()
                .find(|holder| surely_locked(holder, delivery.ended))
            {
                found.push(format!(
                    "lock of {group} held by {holder:?} while receiving {delivery:?}"
                ));
            }
            holding.clear();
        }
        holding.push(delivery);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::{History, check};

    fn two() -> History {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "g", "id-b", 2)]);
        story::delivered(&mut history, 1, 10..20, &["a"]);
        history
    }

    #[test]
    fn the_next_message_came_too_early() {
        let mut history = two();
        story::delivered(&mut history, 2, 30..40, &["b"]);
        story::deleted(&mut history, "a", 50..60);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn a_delete_frees_the_group() {
        let mut history = two();
        story::deleted(&mut history, "a", 25..35);
        story::delivered(&mut history, 2, 30..40, &["b"]);
        assert!(check(&history).is_empty());
    }

    #[test]
    fn the_timeout_frees_the_group() {
        let mut history = two();
        story::delivered(&mut history, 2, 100..115, &["a", "b"]);
        assert!(check(&history).is_empty());
    }

    #[test]
    fn a_partly_deleted_reply_still_locks() {
        let mut history = story::sent(&[
            ("a", "g", "id-a", 1),
            ("b", "g", "id-b", 2),
            ("c", "g", "id-c", 3),
        ]);
        story::delivered(&mut history, 1, 10..20, &["a", "b"]);
        story::deleted(&mut history, "a", 21..22);
        story::delivered(&mut history, 2, 30..40, &["c"]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn other_groups_are_free() {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "h", "id-b", 2)]);
        story::delivered(&mut history, 1, 10..20, &["a"]);
        story::delivered(&mut history, 2, 30..40, &["b"]);
        assert!(check(&history).is_empty());
    }
}
