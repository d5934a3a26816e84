//! A message that a move task moves is in the destination once, as one new message, and the task counts it
//! once (SQS: message move tasks; Millrace: exactly once, across groups and across failover).
//!
//! The history calls a queue's destination by the queue's own name and [`MOVED`].

use std::collections::{BTreeMap, BTreeSet};

use super::dead_letters::{in_both_queues, nowhere, out_of_order};
use super::{Allowance, Finding};
use crate::history::{Delivery, Facts};

/// What the history adds to the name of the queue that messages are moved from.
pub(crate) const MOVED: &str = "+moved";

/// What must hold of a queue and the one that its messages are moved to.
pub(super) fn check(source: &Facts, moved: &Facts, _: &Allowance) -> Vec<Finding> {
    let sent: BTreeSet<&str> = source.sends.iter().map(|send| send.body.as_str()).collect();
    let mut found = Vec::new();
    let mut ids: BTreeMap<&str, &Delivery> = BTreeMap::new();
    for delivery in &moved.deliveries {
        let body = delivery.body.as_str();
        if !sent.contains(body) {
            found.push(Finding::new(format!("{body:?} was never sent"), [delivery.call]));
        }
        let first = ids.entry(body).or_insert(delivery);
        if first.message_id != delivery.message_id {
            let what = format!("{body:?} was moved twice");
            found.push(Finding::new(what, [first.call, delivery.call]));
        }
    }
    found.extend(in_both_queues(source, moved));
    found.extend(out_of_order(source, moved, |delivery| delivery.count == 1));
    found
}

/// What must hold once both queues were emptied.
pub(super) fn check_end(source: &Facts, moved: &Facts, _: &Allowance) -> Vec<Finding> {
    let mut found = nowhere(source, moved);
    let arrived: BTreeSet<&str> = moved.deliveries.iter().map(|d| d.body.as_str()).collect();
    if let Some((call, count)) = source.moves.filter(|(_, count)| *count != arrived.len() as u64) {
        let what = format!("move tasks count {count} messages, {} were moved", arrived.len());
        found.push(Finding::new(what, [call]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story;
    use super::*;

    fn pair() -> (Facts, Facts) {
        let mut source = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        source.moves = Some((99, 2));
        let mut moved = story::sent(&[]);
        story::delivered(&mut moved, 10..11, &["a"]);
        story::delivered(&mut moved, 12..13, &["b"]);
        (source, moved)
    }

    fn found(source: &Facts, moved: &Facts) -> Vec<String> {
        let allowance = Allowance::default();
        let all = [
            check(source, moved, &allowance),
            check_end(source, moved, &allowance),
        ]
        .concat();
        all.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_moves_once_is_right() {
        let (mut source, mut moved) = pair();
        assert_eq!(found(&source, &moved), [""; 0]);
        story::delivered(&mut moved, 20..21, &["a"]);
        assert_eq!(found(&source, &moved), [""; 0]);
        moved.deliveries[2].message_id = "id-other".to_owned();
        assert_eq!(found(&source, &moved), ["\"a\" was moved twice"]);
        source.moves = Some((99, 3));
        assert_eq!(
            found(&source, &moved)[1..],
            ["move tasks count 3 messages, 2 were moved"]
        );
    }

    #[test]
    fn what_is_nowhere_is_lost() {
        let (mut source, mut moved) = pair();
        moved.deliveries.pop();
        source.moves = Some((99, 1));
        assert_eq!(found(&source, &moved), ["\"b\" was neither deleted nor moved"]);
        story::deleted(&mut source, "b", 7..8);
        assert_eq!(found(&source, &moved), [""; 0]);
    }

    #[test]
    fn a_message_is_in_one_queue_only() {
        let (mut source, moved) = pair();
        story::delivered(&mut source, 15..16, &["a"]);
        assert_eq!(found(&source, &moved), ["\"a\" is in both queues"]);
    }
}
