//! What was acknowledged before a purge began is not received by a call that began after the purge had
//! been done, and a queue is purged once in 60 seconds (SQS: PurgeQueue, PurgeQueueInProgress).

use std::time::Duration;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Facts, Fate, Purge};

/// SQS's time between two purges.
const INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let done: Vec<&Purge> = facts.purges.iter().filter(|p| p.fate == Fate::Done).collect();
    let acknowledged = facts.acknowledged();
    let late = facts.deliveries.iter().filter_map(|delivery| {
        let send = acknowledged.get(delivery.message_id.as_str())?;
        let mut purges = done.iter();
        let purge = purges.find(|purge| send.ended < purge.began && purge.ended < delivery.began)?;
        let what = format!("{:?} was received after a purge", delivery.body);
        Some(Finding::new(what, [send.call, purge.call, delivery.call]))
    });
    let slack = allowance.clock_slack + ROUNDING;
    let too_soon = done.iter().zip(done.iter().skip(1)).filter_map(|(one, two)| {
        let apart = one.ended.max(two.ended) - one.began.min(two.began);
        let what = "two purges within a minute".to_owned();
        (apart + slack < INTERVAL).then(|| Finding::new(what, [one.call, two.call]))
    });
    let refused = facts.purges.iter().filter(|purge| purge.fate == Fate::Refused);
    let refused = refused.filter(|purge| {
        let mut others = facts.purges.iter().filter(|other| other.fate != Fate::Refused);
        !others.any(|other| {
            let over = other.ended + INTERVAL + slack < purge.began && other.fate == Fate::Done;
            other.began <= purge.ended && !over
        })
    });
    let refused =
        refused.map(|purge| Finding::new("a purge was refused without reason".to_owned(), [purge.call]));
    late.chain(too_soon).chain(refused).collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    #[test]
    fn a_purged_message_came_back() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        story::purged(&mut facts, 5..10);
        story::delivered(&mut facts, 9..20, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
        story::delivered(&mut facts, 300..301, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        facts.sends[0].ended = Duration::from_millis(6);
        assert_eq!(found(check, &facts), [""; 0], "it may have been sent after it");
    }

    #[test]
    fn once_in_a_minute() {
        let mut facts = story::sent(&[]);
        story::purged(&mut facts, 5..10);
        story::purged(&mut facts, 30_000..30_001);
        assert_eq!(found(check, &facts).len(), 1);
        facts.purges[1].fate = Fate::Refused;
        assert_eq!(found(check, &facts), [""; 0]);
        facts.purges[1].began = Duration::from_secs(90);
        facts.purges[1].ended = Duration::from_secs(90);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
