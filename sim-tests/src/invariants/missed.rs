//! A receive that finds nothing has not overlooked a message that was there all the time.
//!
//! AWS allows that on standard queues with short polls; here a receive is answered by a leader who made
//! sure that it leads, so that it sees what was acknowledged before. A message is surely there once its
//! send has ended and its delay is over, until the first call begins that receives it, by the cluster's own
//! count of deliveries. On a FIFO queue also its group must be free, and receives of which nobody knows
//! what they took spoil the view for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Facts, Fate, Receive, Send};

/// For so long a call that its client has given up may still do something, beyond the time it waits.
const LATE: Duration = Duration::from_secs(30);

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    if facts.deleted || !facts.purges.is_empty() {
        return Vec::new();
    }
    let there = There::of(facts, allowance.clock_slack + ROUNDING);
    let clear: Vec<&Receive> = clear_receives(facts, &there);
    let missed = facts.sends.iter().filter_map(|send| {
        let (from, until) = there.interval(send)?;
        let receive = clear.iter().find(|r| from < r.began && r.ended < until)?;
        let what = format!("{:?} was there, but a receive found nothing", send.body);
        Some(Finding::new(what, [send.call, receive.call]))
    });
    missed.collect()
}

/// Receives that surely found nothing; on a FIFO queue, while nothing was taken by nobody knows whom.
fn clear_receives<'a>(facts: &'a Facts, there: &There) -> Vec<&'a Receive> {
    let is_empty =
        |receive: &&Receive| receive.fate == Fate::Done && receive.attempts == 1 && receive.messages == 0;
    // One that took longer than messages stay hidden may have taken others before those that it brought.
    let is_known = |receive: &&Receive| {
        let quick = receive.ended - receive.began + there.slack < receive.visibility.0;
        is_empty(receive) || receive.fate == Fate::Done && receive.attempts == 1 && quick
    };
    let doubtful: Vec<&Receive> = facts.receives.iter().filter(|r| !is_known(r)).collect();
    let spoils = |doubtful: &Receive, receive: &Receive| {
        let hidden = doubtful.visibility.1.max(there.changed) + there.slack;
        doubtful.began <= receive.ended && receive.began <= doubtful.ended + LATE + hidden
    };
    let is_fifo = facts.sends.iter().any(|send| send.sequence.is_some());
    let empty = facts.receives.iter().filter(is_empty);
    empty
        .filter(|receive| !is_fifo || !doubtful.iter().any(|doubtful| spoils(doubtful, receive)))
        .collect()
}

/// What is needed to say when a message is surely there.
struct There<'a> {
    facts: &'a Facts,
    slack: Duration,
    /// The longest visibility timeout that somebody has set.
    changed: Duration,
    /// By message id: the first delivery that is known, by the cluster's count, and when its call began.
    taken: BTreeMap<&'a str, (u64, Duration)>,
    /// FIFO, by group: when calls began that received from it, and when what they took is visible again.
    groups: BTreeMap<&'a str, Vec<(Duration, Duration)>>,
}

impl<'a> There<'a> {
    fn of(facts: &'a Facts, slack: Duration) -> There<'a> {
        let mut taken: BTreeMap<&str, (u64, Duration)> = BTreeMap::new();
        let mut groups: BTreeMap<&str, Vec<(Duration, Duration)>> = BTreeMap::new();
        let changed = facts.changes.iter().map(|change| change.visibility).max();
        let changed = changed.unwrap_or_default();
        for delivery in &facts.deliveries {
            let this = (delivery.count, delivery.began);
            let first = taken.entry(&delivery.message_id).or_insert(this);
            *first = this.min(*first);
            if let Some(group) = &delivery.group {
                let hidden = delivery.visibility.max(facts.visibility_max).max(changed);
                let free = delivery.ended + hidden + slack;
                groups.entry(group).or_default().push((delivery.began, free));
            }
        }
        There {
            facts,
            slack,
            changed,
            taken,
            groups,
        }
    }

    fn interval(&self, send: &Send) -> Option<(Duration, Duration)> {
        if send.fate != Fate::Done {
            return None;
        }
        // A message that is never received is another rule's business.
        let (1, until) = *self.taken.get(send.message_id.as_str())? else {
            return None;
        };
        let until = until.min((send.began + self.facts.retention).saturating_sub(self.slack));
        let mates = send.group.as_deref().and_then(|group| self.groups.get(group));
        let mates = mates.into_iter().flatten();
        let busy = mates.filter(|(began, _)| *began < until).map(|(_, free)| *free);
        let from = send.ended + send.delay.unwrap_or(self.facts.delay) + self.slack;
        Some((busy.fold(from, Duration::max), until))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    fn story(messages: &[(&str, &str, u128)]) -> Facts {
        let mut facts = story::sent(messages);
        facts.retention = Duration::from_secs(3_600);
        facts.visibility_max = facts.visibility;
        facts
    }

    fn received(facts: &mut Facts, ms: std::ops::Range<u64>, messages: usize) {
        facts.receives.push(Receive {
            call: 5_000 + facts.receives.len(),
            began: Duration::from_millis(ms.start),
            ended: Duration::from_millis(ms.end),
            attempts: 1,
            messages,
            visibility: (facts.visibility, facts.visibility),
            fate: Fate::Done,
        });
    }

    #[test]
    fn a_message_that_was_there_was_overlooked() {
        let mut facts = story(&[("a", "g", 1)]);
        received(&mut facts, 450..460, 1);
        received(&mut facts, 500..600, 0);
        story::delivered(&mut facts, 700..710, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        facts.receives[0].attempts = 2;
        assert_eq!(found(check, &facts), [""; 0], "its group may have been taken");
        facts.sends[0].sequence = None;
        assert_eq!(found(check, &facts).len(), 1, "it has no group");
        facts.deliveries[0].count = 2;
        assert_eq!(found(check, &facts), [""; 0], "it was taken itself");
    }

    #[test]
    fn it_may_be_in_flight() {
        let mut facts = story(&[("a", "g", 1)]);
        story::delivered(&mut facts, 450..460, &["a"]);
        received(&mut facts, 450..460, 1);
        received(&mut facts, 500..530, 0);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn its_group_may_be_in_flight() {
        let mut facts = story(&[("a", "g", 1), ("b", "g", 2)]);
        story::delivered(&mut facts, 450..460, &["a"]);
        story::delivered(&mut facts, 900..910, &["b"]);
        received(&mut facts, 500..530, 0);
        assert_eq!(found(check, &facts), [""; 0]);
        received(&mut facts, 600..630, 0);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn it_may_come_meanwhile() {
        let mut facts = story(&[("a", "g", 1)]);
        facts.sends[0].ended = Duration::from_millis(550);
        received(&mut facts, 500..600, 0);
        story::delivered(&mut facts, 700..710, &["a"]);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
