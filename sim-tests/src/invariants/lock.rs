//! FIFO: while a message of a group is in flight, no other call receives a message of that group (SQS:
//! FIFO delivery logic).
//!
//! In flight lasts until the message is deleted or its timeout has passed: from the end of the call that
//! received it until nobody has begun to delete it and the timeout, counted from the call's beginning, is
//! not over. Within one reply several messages of a group are fine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::timeout::Changes;
use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Fate};

/// No run is that long.
const SHORT_RETENTION: Duration = Duration::from_secs(3_600);

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let standard = facts.sends.iter().all(|send| send.sequence.is_none());
    if standard || !facts.purges.is_empty() || facts.retention.min < SHORT_RETENTION {
        // Groups of standard queues lock nothing; what a purge or its age took away, neither.
        return Vec::new();
    }
    let changes = Changes::of(facts);
    let mut deletes: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for delete in facts.deletes.iter().filter(|delete| delete.fate != Fate::Refused) {
        deletes.entry(&delete.message_id).or_default().push(delete.began);
    }
    let surely_locked = |holder: &Delivery, at: Duration| {
        let began = deletes.get(holder.message_id.as_str());
        let being_deleted = began.is_some_and(|began| began.iter().any(|b| *b <= at));
        !being_deleted && at + allowance.clock_slack < changes.free_from(holder)
    };

    let mut groups: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &facts.deliveries {
        let Some(group) = delivery.group.as_deref() else {
            continue;
        };
        let earlier = groups.entry(group).or_default();
        let holder = earlier.iter().find(|holder| {
            holder.call != delivery.call
                && holder.ended < delivery.began
                && surely_locked(holder, delivery.ended)
        });
        if let Some(holder) = holder {
            let what = format!(
                "{:?} locks {group} while {:?} is received",
                holder.body, delivery.body
            );
            found.push(Finding::new(what, [holder.call, delivery.call]));
        }
        // Whoever has begun to be free by now stays so.
        earlier.retain(|holder| surely_locked(holder, delivery.began.saturating_sub(allowance.clock_slack)));
        earlier.push(delivery);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::{Facts, check};

    fn two() -> Facts {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 10..20, &["a"]);
        facts
    }

    #[test]
    fn the_next_message_came_too_early() {
        let mut facts = two();
        story::delivered(&mut facts, 30..40, &["b"]);
        story::deleted(&mut facts, "a", 50..60);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_delete_frees_the_group() {
        let mut facts = two();
        story::deleted(&mut facts, "a", 25..35);
        story::delivered(&mut facts, 30..40, &["b"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn the_timeout_frees_the_group() {
        let mut facts = two();
        story::delivered(&mut facts, 100..115, &["a", "b"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_partly_deleted_reply_still_locks() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2), ("c", "g", 3)]);
        story::delivered(&mut facts, 10..20, &["a", "b"]);
        story::deleted(&mut facts, "a", 21..22);
        story::delivered(&mut facts, 30..40, &["c"]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn other_groups_are_free() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "h", 1)]);
        story::delivered(&mut facts, 10..20, &["a"]);
        story::delivered(&mut facts, 30..40, &["b"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
