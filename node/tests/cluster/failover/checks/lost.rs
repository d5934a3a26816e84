//! Every acknowledged message is received, and nothing is received that was never sent.
//!
//! The promise: a write is acknowledged when it is on disk on a majority, and nothing acknowledged is lost
//! when a node dies.

use std::collections::BTreeSet;

use super::History;

pub(super) fn check(history: &History) -> Vec<String> {
    let received: BTreeSet<&str> = history.deliveries.iter().map(|d| d.body.as_str()).collect();
    let sent: BTreeSet<&str> = history.sends.iter().map(|s| s.body.as_str()).collect();
    let acknowledged = history.sends.iter().filter(|send| send.acknowledged.is_some());
    let lost = acknowledged
        .filter(|send| !received.contains(send.body.as_str()))
        .map(|send| format!("lost: {send:?} was acknowledged and never received"));
    let invented = received
        .difference(&sent)
        .map(|body| format!("invented: {body:?} was never sent"));
    lost.chain(invented).collect()
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::check;

    #[test]
    fn an_acknowledged_message_is_missing() {
        let mut history = story::sent(&[("a", "g", "id-a", 1), ("b", "g", "id-b", 2)]);
        story::delivered(&mut history, 1, 0..1, &["a"]);
        let found = check(&history);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("lost") && found[0].contains("id-b"),
            "{found:?}"
        );
    }

    #[test]
    fn a_message_of_unknown_fate_may_be_missing() {
        let mut history = story::sent(&[]);
        history.sends.push(story::unknown("a", "g"));
        assert!(check(&history).is_empty());
    }

    #[test]
    fn a_message_came_from_nowhere() {
        let mut history = story::sent(&[]);
        story::delivered(&mut history, 1, 0..1, &["ghost"]);
        assert!(check(&history)[0].starts_with("invented"));
    }
}
