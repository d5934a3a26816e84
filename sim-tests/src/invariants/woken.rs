//! A waiting receive returns as soon as there is a message (SQS: long polling "returns as soon as any
//! messages are available"), within three simulated seconds once the cluster is healthy.
//!
//! Healthy is the cluster some time after the last fault. Looked at are the first deliveries of messages
//! that were acknowledged from then on, and that no other one of their group could hold back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding};
use crate::history::{Facts, Fate};

/// Elections, restarts, abandoned calls and their waits are over so long after the last fault.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_secs(35);
/// Far more than a wake-up takes: a few round trips of 40 ms.
const AT_ONCE: Duration = Duration::from_secs(3);

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let healthy = allowance.healthy_from + SETTLED_AFTER;
    let acknowledged = facts.acknowledged();
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in facts.sends.iter().filter_map(|send| send.group.as_deref()) {
        *sizes.entry(group).or_default() += 1;
    }
    let mut found = Vec::new();
    for delivery in facts.deliveries.iter().filter(|delivery| delivery.count == 1) {
        let Some(send) = acknowledged.get(delivery.message_id.as_str()) else {
            continue;
        };
        let alone = send.group.as_deref().is_none_or(|group| sizes[group] == 1);
        let delay = facts.delay(send, delivery.ended).max;
        let late = send.ended + delay + AT_ONCE;
        if send.began < healthy || !alone || !delay.is_zero() || delivery.ended <= late {
            continue;
        }
        let mut waiting = facts.receives.iter().filter(|receive| {
            // One that had to be tried again may have asked a node that is down for good.
            let waited = receive.began < send.ended && receive.ended > late;
            waited && receive.attempts == 1 && receive.fate == Fate::Done
        });
        if let Some(waiting) = waiting.next() {
            let what = format!("a receive waited on while {:?} was there", send.body);
            found.push(Finding::new(what, [send.call, waiting.call, delivery.call]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    fn late(delivered: u64) -> Facts {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.sends[0].began = Duration::from_millis(40_000);
        facts.sends[0].ended = Duration::from_millis(40_001);
        story::empty(&mut facts, 39_000..45_000);
        story::delivered(&mut facts, 39_500..delivered, &["a"]);
        facts
    }

    #[test]
    fn a_receive_was_not_woken() {
        assert_eq!(found(check, &late(40_500)), [""; 0]);
        assert_eq!(found(check, &late(44_000)).len(), 1);
    }

    #[test]
    fn a_receive_that_was_tried_again_may_have_asked_a_dead_node() {
        let mut facts = late(44_000);
        facts.receives[0].attempts = 2;
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn in_a_group_another_message_may_be_first() {
        let mut facts = late(44_000);
        facts.sends.push(facts.sends[0].clone());
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
