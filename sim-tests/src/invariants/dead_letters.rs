//! A message that was received too often moves to the dead-letter queue, once (SQS: dead-letter queues;
//! Millrace: exactly once, across groups and across failover).
//!
//! The history calls a queue's dead-letter queue by the queue's own name and [`DEAD`]. Deliveries are counted over both:
//! a message that is there twice is delivered twice under one number.

use std::collections::{BTreeMap, BTreeSet};

use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Fate, Send};

/// What the history adds to the name of the queue that dead letters come from.
pub(crate) const DEAD: &str = "+dead";

/// What must hold of a queue and its dead-letter queue.
pub(super) fn check(source: &Facts, dead: &Facts, _: &Allowance) -> Vec<Finding> {
    let sends: BTreeMap<&str, &Send> = source
        .sends
        .iter()
        .map(|send| (send.body.as_str(), send))
        .collect();
    let mut found = Vec::new();
    let mut numbers = BTreeMap::new();
    for delivery in &dead.deliveries {
        let body = &delivery.body;
        match sends.get(body.as_str()) {
            None => found.push(finding(format!("{body:?} was never sent"), [delivery])),
            Some(send) if send.fate == Fate::Done && send.message_id != delivery.message_id => {
                found.push(finding(
                    format!("{body:?} has another id than it was sent under"),
                    [delivery],
                ));
            }
            Some(_) => {}
        }
        if let Some(other) = numbers.insert((&delivery.message_id, delivery.count), delivery) {
            let what = format!("{body:?} was delivered twice as number {}", delivery.count);
            found.push(finding(what, [other, delivery]));
        }
    }
    found.extend(in_both_queues(source, dead));
    // The first delivery there has the number after the last one here.
    let last = source.deliveries.iter().map(|delivery| delivery.count).max();
    found.extend(out_of_order(source, dead, |delivery| {
        Some(delivery.count) == last.map(|last| last + 1)
    }));
    found
}

fn finding<const N: usize>(what: String, deliveries: [&Delivery; N]) -> Finding {
    Finding::new(what, deliveries.map(|delivery| delivery.call))
}

/// Messages that were seen in the first queue after they were seen in the second one.
pub(super) fn in_both_queues(first: &Facts, second: &Facts) -> Vec<Finding> {
    let deliveries = second.deliveries.iter();
    let pairs = deliveries.flat_map(|there| {
        let back = first.deliveries.iter();
        let back = back.filter(|here| here.body == there.body && here.began > there.ended);
        back.map(move |here| (there, here))
    });
    pairs
        .map(|(there, here)| finding(format!("{:?} is in both queues", there.body), [there, here]))
        .collect()
}

/// FIFO: messages of a group come to the second queue in the order in which they were sent to the first one.
/// `is_first` tells the first delivery of a message there.
pub(super) fn out_of_order(
    source: &Facts,
    second: &Facts,
    is_first: impl Fn(&Delivery) -> bool,
) -> Vec<Finding> {
    let sends = source.sends.iter();
    let places: BTreeMap<&str, u128> = sends
        .filter_map(|send| Some((send.body.as_str(), send.sequence?)))
        .collect();
    let first = second.deliveries.iter().filter(|delivery| is_first(delivery));
    let mut groups: BTreeMap<&str, Vec<(u128, &Delivery)>> = BTreeMap::new();
    for delivery in first {
        if let (Some(group), Some(place)) = (&delivery.group, places.get(delivery.body.as_str())) {
            groups.entry(group).or_default().push((*place, delivery));
        }
    }
    let pairs = groups.values().flat_map(|all| {
        let each = all.iter();
        each.flat_map(move |one| all.iter().map(move |other| (one, other)))
    });
    pairs
        .filter(|((a, first), (b, second))| a > b && first.ended < second.began)
        .map(|((_, a), (_, b))| finding(format!("{:?} came before {:?}", a.body, b.body), [*a, *b]))
        .collect()
}

/// What must hold once both queues were emptied.
pub(super) fn check_end(source: &Facts, dead: &Facts, _: &Allowance) -> Vec<Finding> {
    nowhere(source, dead)
}

/// Messages that were neither deleted in the first queue nor seen in the second one.
pub(super) fn nowhere(first: &Facts, second: &Facts) -> Vec<Finding> {
    let deletes = first.deletes.iter();
    let deletes = deletes.filter(|delete| delete.fate != Fate::Refused);
    let deleted: BTreeSet<&str> = deletes.map(|delete| delete.message_id.as_str()).collect();
    let there: BTreeSet<&str> = second.deliveries.iter().map(|d| d.body.as_str()).collect();
    let sends = first.acknowledged().into_iter();
    sends
        .filter(|(id, send)| !deleted.contains(id) && !there.contains(send.body.as_str()))
        .map(|(_, send)| {
            let what = format!("{:?} was neither deleted nor moved", send.body);
            Finding::new(what, [send.call])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story;
    use super::*;

    fn pair() -> (Facts, Facts) {
        let mut source = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut source, 5..6, &["a", "b"]);
        let mut dead = story::sent(&[]);
        story::delivered(&mut dead, 10..11, &["a"]);
        story::delivered(&mut dead, 12..13, &["b"]);
        dead.deliveries.iter_mut().for_each(|delivery| delivery.count = 2);
        (source, dead)
    }

    fn found(source: &Facts, dead: &Facts) -> Vec<String> {
        let allowance = Allowance::default();
        let all = [
            check(source, dead, &allowance),
            check_end(source, dead, &allowance),
        ]
        .concat();
        all.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_moves_once_is_right() {
        let (source, mut dead) = pair();
        assert_eq!(found(&source, &dead), [""; 0]);
        // Once more there, under the next number.
        story::delivered(&mut dead, 20..21, &["a"]);
        dead.deliveries[2].count = 3;
        assert_eq!(found(&source, &dead), [""; 0]);
        dead.deliveries[2].count = 2;
        assert_eq!(found(&source, &dead), ["\"a\" was delivered twice as number 2"]);
    }

    #[test]
    fn what_is_nowhere_is_lost() {
        let (mut source, mut dead) = pair();
        dead.deliveries.pop();
        assert_eq!(found(&source, &dead), ["\"b\" was neither deleted nor moved"]);
        story::deleted(&mut source, "b", 7..8);
        assert_eq!(found(&source, &dead), [""; 0]);
    }

    #[test]
    fn a_message_is_in_one_queue_only() {
        let (mut source, dead) = pair();
        story::delivered(&mut source, 15..16, &["a"]);
        assert_eq!(found(&source, &dead), ["\"a\" is in both queues"]);
    }

    #[test]
    fn dead_letters_keep_their_order() {
        let (source, mut dead) = pair();
        for delivery in &mut dead.deliveries {
            delivery.group = Some("g".to_owned());
        }
        assert_eq!(found(&source, &dead), [""; 0]);
        dead.deliveries[0].began = Duration::from_millis(20);
        dead.deliveries[0].ended = Duration::from_millis(21);
        assert_eq!(found(&source, &dead), ["\"b\" came before \"a\""]);
    }
}
