//! A receive that comes back empty has looked while there was nothing to receive.
//!
//! SQS lets short polls on standard queues miss messages (it asks only some of its servers). Millrace
//! does not: the leader of the partition looks, under its lease. A receive is wrong if some message was
//! visible all through it, which `visible.rs` knows, and on a FIFO queue no other one of its group held it
//! back. Standard queues that grow are left out: a node that does not know yet that one has grown asks only the partitions that it
//! had. This finds reads from a leader that is none any more, or has not applied all that it must.

use std::collections::BTreeMap;

use super::visible::Visible;
use super::{Allowance, Finding};
use crate::history::{Facts, Fate};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    if allowance.grows && !facts.is_fifo() {
        return Vec::new();
    }
    let visible = Visible::of(facts, allowance);
    let acknowledged = facts.acknowledged();
    // As it was received: an acknowledgement may be that of a duplicate, which was sent to another group.
    let groups = facts.deliveries.iter().filter(|_| facts.is_fifo());
    let groups: BTreeMap<&str, &str> = groups
        .filter_map(|delivery| Some((delivery.message_id.as_str(), delivery.group.as_deref()?)))
        .collect();
    let empty = facts.receives.iter();
    let empty = empty.filter(|receive| receive.fate == Fate::Done && receive.messages == 0);
    let mut found = Vec::new();
    for receive in empty {
        let (began, ended) = (receive.began, receive.ended);
        let missed = visible.during(began, ended).find_map(|id| {
            let send = acknowledged.get(id)?;
            let free = groups
                .get(id)
                .is_none_or(|group| visible.group_is_free(group, began, ended));
            free.then_some(*send)
        });
        if let Some(send) = missed {
            let deliveries = facts.deliveries.iter();
            let deliveries = deliveries.filter(|delivery| delivery.message_id == send.message_id);
            let calls = deliveries.map(|delivery| delivery.call);
            let what = format!("nothing was received while {:?} was visible", send.body);
            found.push(Finding::new(
                what,
                [send.call, receive.call].into_iter().chain(calls),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, VISIBILITY_MS, found};
    use super::*;

    #[test]
    fn a_new_message_was_not_seen() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 50..51, &["a"]);
        story::empty(&mut facts, 45..60);
        assert_eq!(found(check, &facts), [""; 0], "it was taken meanwhile");
        story::empty(&mut facts, 10..20);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_delayed_message_is_not_there_yet() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.sends[0].delay = Some(std::time::Duration::from_millis(30));
        story::delivered(&mut facts, 50..51, &["a"]);
        story::empty(&mut facts, 10..20);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_message_that_ran_out_was_not_seen() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 1..2, &["a"]);
        story::delivered(&mut facts, 500..501, &["a"]);
        story::empty(&mut facts, 50..(1 + VISIBILITY_MS));
        assert_eq!(found(check, &facts), [""; 0]);
        story::empty(&mut facts, 200..210);
        assert_eq!(found(check, &facts).len(), 1);
        // A receive whose reply was lost had it.
        facts.deliveries[1].count = 3;
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_duplicate_does_not_say_which_group_it_is() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        let mut duplicate = facts.sends[1].clone();
        duplicate.group = Some("h".to_owned());
        facts.sends.insert(0, duplicate);
        story::delivered(&mut facts, 1..2, &["a"]);
        story::empty(&mut facts, 10..20);
        story::deleted(&mut facts, "a", 30..31);
        story::delivered(&mut facts, 50..51, &["b"]);
        facts.deliveries[1].group = Some("g".to_owned());
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn the_group_may_be_locked() {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 1..2, &["a"]);
        story::empty(&mut facts, 10..20);
        story::deleted(&mut facts, "a", 30..31);
        story::delivered(&mut facts, 50..51, &["b"]);
        assert_eq!(found(check, &facts), [""; 0]);
        story::empty(&mut facts, 32..40);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
