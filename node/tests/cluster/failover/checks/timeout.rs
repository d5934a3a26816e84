//! A message that is in flight is not handed out again before its visibility timeout has passed.
//!
//! The first hand-out happened no earlier than its call began and the second no later than its call
//! ended: less time than the timeout between these two cannot be right. Leaders of different nodes stamp
//! the times, so this also sees a failover that forgets what is in flight. Consumers in these tests never
//! change a visibility timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use super::History;

/// Timestamps of the cluster have whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);

pub(super) fn check(history: &History) -> Vec<String> {
    let mut last: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut found = Vec::new();
    for delivery in &history.deliveries {
        if let Some(before) = last.insert(&delivery.message_id, delivery.began)
            && delivery.ended + ROUNDING < before + history.visibility
        {
            found.push(format!(
                "received before its timeout, first in a call begun at {before:?}: {delivery:?}"
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, VISIBILITY_MS};
    use super::check;

    #[test]
    fn a_message_in_flight_was_shown_again() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::delivered(&mut history, 1, 10..20, &["a"]);
        story::delivered(&mut history, 2, 50..60, &["a"]);
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn after_the_timeout_it_may_be() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::delivered(&mut history, 1, 10..20, &["a"]);
        story::delivered(&mut history, 2, 15..(11 + VISIBILITY_MS), &["a"]);
        assert!(check(&history).is_empty());
    }

    #[test]
    fn one_reply_does_not_hold_a_message_twice() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::delivered(&mut history, 1, 10..20, &["a", "a"]);
        assert_eq!(check(&history).len(), 1);
    }
}
