//! No receive that begins after a delete was acknowledged returns that message.
//!
//! AWS allows rare exceptions on standard queues ("on rare occasions"); a majority that has agreed on the
//! delete has no reason for any.

use std::collections::BTreeMap;

use super::{Allowance, Finding};
use crate::history::{Delete, Facts, Fate};

pub(super) fn check(facts: &Facts, _: &Allowance) -> Vec<Finding> {
    let mut gone: BTreeMap<&str, &Delete> = BTreeMap::new();
    for delete in facts.deletes.iter().filter(|delete| delete.fate == Fate::Done) {
        // The first to end comes first.
        gone.entry(&delete.message_id).or_insert(delete);
    }
    let all = facts.deliveries.iter().chain(&facts.repeats);
    let late = all.filter_map(|delivery| {
        let delete = gone.get(delivery.message_id.as_str())?;
        let what = format!("{:?} was received after its delete", delivery.body);
        (delivery.began > delete.ended).then(|| Finding::new(what, [delete.call, delivery.call]))
    });
    late.collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    #[test]
    fn a_message_came_back() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::delivered(&mut facts, 0..10, &["a"]);
        story::deleted(&mut facts, "a", 10..20);
        assert_eq!(found(check, &facts), [""; 0]);
        story::delivered(&mut facts, 21..500, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn a_receive_that_was_under_way_may_return_it() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::deleted(&mut facts, "a", 10..20);
        story::delivered(&mut facts, 15..500, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_failed_delete_promises_nothing() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::deleted(&mut facts, "a", 10..20);
        facts.deletes[0].fate = Fate::Unknown;
        story::delivered(&mut facts, 300..310, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
