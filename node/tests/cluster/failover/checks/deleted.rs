//! No receive that begins after a delete was acknowledged returns that message.
//!
//! AWS allows rare exceptions on standard queues ("on rare occasions"); a majority that has agreed on the
//! delete has no reason for any.

use std::collections::BTreeMap;
use std::time::Duration;

use super::History;

pub(super) fn check(history: &History) -> Vec<String> {
    let mut gone: BTreeMap<&str, Duration> = BTreeMap::new();
    for delete in &history.deletes {
        if let Some(at) = delete.acknowledged {
            let first = gone.entry(&delete.message_id).or_insert(at);
            *first = at.min(*first);
        }
    }
    let late = history.deliveries.iter().filter_map(|delivery| {
        let at = gone.get(delivery.message_id.as_str())?;
        (delivery.began > *at).then(|| format!("received after its delete at {at:?}: {delivery:?}"))
    });
    late.collect()
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::check;

    #[test]
    fn a_message_came_back() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::delivered(&mut history, 1, 0..10, &["a"]);
        story::deleted(&mut history, "a", 10..20);
        assert!(check(&history).is_empty());
        story::delivered(&mut history, 2, 21..500, &["a"]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn a_receive_that_was_under_way_may_return_it() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::deleted(&mut history, "a", 10..20);
        story::delivered(&mut history, 2, 15..500, &["a"]);
        assert!(check(&history).is_empty());
    }

    #[test]
    fn a_failed_delete_promises_nothing() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::deleted(&mut history, "a", 10..20);
        history.deletes[0].acknowledged = None;
        story::delivered(&mut history, 2, 300..310, &["a"]);
        assert!(check(&history).is_empty());
    }
}
