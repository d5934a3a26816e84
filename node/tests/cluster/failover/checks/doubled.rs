//! One call of SendMessage stores one message, however often the SDK repeats it.
//!
//! Bodies are unique to their call, so a body under two message ids was stored twice. The id that was
//! received must also be the one that the sender was told.

use std::collections::{BTreeMap, BTreeSet};

use super::History;

pub(super) fn check(history: &History) -> Vec<String> {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for delivery in &history.deliveries {
        ids.entry(&delivery.body)
            .or_default()
            .insert(&delivery.message_id);
    }
    for send in &history.sends {
        // A message that was never received is for another rule.
        if let (Some(known), Some(received)) = (&send.acknowledged, ids.get_mut(send.body.as_str())) {
            received.insert(&known.message_id);
        }
    }
    let doubled = ids.iter().filter(|(_, ids)| ids.len() > 1);
    doubled
        .map(|(body, ids)| format!("doubled: {body:?} has the message ids {ids:?}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::check;

    #[test]
    fn a_retry_was_stored_again() {
        let mut history = story::sent(&[("a", "g", "id-a", 1)]);
        story::delivered(&mut history, 1, 0..1, &["a"]);
        story::delivered(&mut history, 2, 2..3, &["a"]);
        assert!(
            check(&history).is_empty(),
            "the same message twice is no doubled send"
        );
        history.deliveries[1].message_id = "id-again".to_owned();
        assert!(check(&history)[0].contains("id-again"));
    }

    #[test]
    fn the_sender_was_told_another_id() {
        let mut history = story::sent(&[("a", "g", "id-told", 1)]);
        story::delivered(&mut history, 1, 0..1, &["a"]);
        assert!(check(&history)[0].contains("id-told"));
    }

    #[test]
    fn also_if_the_sender_gave_up() {
        let mut history = story::sent(&[]);
        history.sends.push(story::unknown("a", "g"));
        story::delivered(&mut history, 1, 0..1, &["a", "a"]);
        history.deliveries[1].message_id = "id-again".to_owned();
        assert_eq!(check(&history).len(), 1);
    }
}
