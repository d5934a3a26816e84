//! A standard queue with message groups: while a quiet tenant's message waits, no other tenant gets more than
//! 11 of each 100 deliveries (SQS: fair queues; raft: `machine/queue/tenants.rs`).
//!
//! A message without a group is quiet, and so is one whose group has no other: until it is received, nothing of its
//! tenant was. A tenant with more than ten of the last 100 deliveries is noisy and comes after it; of 100 deliveries in
//! a row, 11 can therefore be a tenant's, and of a part of them no more. Counted are the deliveries whose calls lie
//! between the acknowledgement of the message and the beginning of the receive that brought it. How many deliveries there were
//! in that time at the most: all that are known, and ten for each attempt of which nobody knows what it brought.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding};
use crate::history::{Delivery, Facts, Fate};

/// What a tenant gets of a row of deliveries before it is noisy.
const SHARE: usize = 11;
const ROW: usize = 100;
/// SQS's limit of messages in one receive.
const MESSAGES_MAX: usize = 10;

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let has_groups = facts.sends.iter().any(|send| send.group.is_some());
    if allowance.partitioned || facts.is_fifo() || !has_groups || !facts.purges.is_empty() {
        return Vec::new();
    }
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in facts.sends.iter().filter_map(|send| send.group.as_deref()) {
        *sizes.entry(group).or_default() += 1;
    }
    let acknowledged = facts.acknowledged();
    let mut found = Vec::new();
    for delivery in facts.deliveries.iter().filter(|delivery| delivery.count == 1) {
        let Some(send) = acknowledged.get(delivery.message_id.as_str()) else {
            continue;
        };
        let is_quiet = send.group.as_deref().is_none_or(|group| sizes[group] == 1);
        let has_delay = !facts.delay(send, delivery.ended).max.is_zero();
        if !is_quiet || has_delay {
            continue;
        }
        let rows = deliveries_max(facts, send.ended, delivery.began).div_ceil(ROW);
        for (tenant, got) in between(facts, send.ended, delivery.began) {
            if got.len() > SHARE * rows {
                let what = format!("{:?} waited while {tenant} got {} messages", send.body, got.len());
                let calls = got.iter().map(|delivery| delivery.call);
                found.push(Finding::new(
                    what,
                    [send.call, delivery.call].into_iter().chain(calls),
                ));
            }
        }
    }
    found
}

/// What each tenant surely got between two moments.
fn between(facts: &Facts, from: Duration, to: Duration) -> BTreeMap<&str, Vec<&Delivery>> {
    let mut all: BTreeMap<&str, Vec<&Delivery>> = BTreeMap::new();
    let within = facts.deliveries.iter();
    for delivery in within.filter(|delivery| delivery.began > from && delivery.ended < to) {
        if let Some(tenant) = delivery.group.as_deref() {
            all.entry(tenant).or_default().push(delivery);
        }
    }
    all
}

/// How many deliveries there can have been between two moments.
fn deliveries_max(facts: &Facts, from: Duration, to: Duration) -> usize {
    let receives = facts.receives.iter().filter(|receive| receive.began < to);
    let counts = receives.map(|receive| match receive.fate {
        Fate::Done if receive.ended <= from => 0,
        Fate::Done if receive.attempts == 1 => receive.messages,
        Fate::Refused => 0,
        // It may also be done late.
        Fate::Done | Fate::Unknown => receive.attempts * MESSAGES_MAX,
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    /// One loud tenant, of whom so many messages are received before the only one of another tenant.
    fn waits(messages: usize) -> Facts {
        let bodies: Vec<String> = (0..messages).map(|number| format!("m{number}")).collect();
        let mut sends: Vec<(&str, &str, u128)> =
            bodies.iter().map(|body| (body.as_str(), "loud", 0)).collect();
        sends.push(("q", "quiet", 0));
        let mut facts = story::sent(&sends);
        facts.sends.iter_mut().for_each(|send| send.sequence = None);
        for (number, body) in bodies.iter().enumerate() {
            let began = 10 + 10 * number as u64;
            story::delivered(&mut facts, began..began + 5, &[body]);
            story::empty(&mut facts, began..began + 5);
            facts.receives[number].messages = 1;
        }
        story::delivered(&mut facts, 90_000..90_001, &["q"]);
        facts
    }

    #[test]
    fn eleven_of_a_hundred_may_be_anybodys() {
        assert_eq!(found(check, &waits(11)), [""; 0]);
        assert_eq!(found(check, &waits(12)).len(), 1);
    }

    #[test]
    fn what_others_may_have_got_counts() {
        let mut facts = waits(12);
        for number in 0..10 {
            story::empty(&mut facts, 10 * number..5 + 10 * number);
            facts.receives[12 + number as usize].fate = Fate::Unknown;
        }
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn a_tenant_with_more_messages_may_be_noisy_itself() {
        let mut facts = waits(12);
        let more = facts.sends[12].clone();
        facts.sends.push(more);
        assert_eq!(found(check, &facts), [""; 0]);
    }

    #[test]
    fn the_order_of_a_fifo_queue_is_another_matter() {
        let mut facts = waits(12);
        facts.sends.iter_mut().for_each(|send| send.sequence = Some(1));
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
