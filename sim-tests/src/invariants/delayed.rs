//! A message is not received before its delay has passed: its own, or the queue's when it was sent (SQS:
//! delay queues, message timers).
//!
//! Which of the queue's delays that was is not known exactly while they change: the shortest that may have
//! been in force counts. The delay begins when the message is stored, which is not before its first send
//! began.

use std::collections::BTreeMap;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Facts, Fate, Send};

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let mut sends: BTreeMap<&str, Vec<&Send>> = BTreeMap::new();
    for send in facts.sends.iter().filter(|send| send.fate != Fate::Refused) {
        sends.entry(&send.body).or_default().push(send);
    }
    let mut found = Vec::new();
    for delivery in &facts.deliveries {
        let sends = sends.get(delivery.body.as_str()).into_iter().flatten();
        let visible = |send: &&Send| send.began + facts.delay(send, delivery.ended).min;
        let soonest = sends.clone().map(visible).min().unwrap_or_default();
        if delivery.ended + allowance.clock_slack + ROUNDING < soonest {
            let what = format!("{:?} was received before its delay", delivery.body);
            let calls = sends.map(|send| send.call).chain([delivery.call]);
            found.push(Finding::new(what, calls));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;
    use std::time::Duration;

    use crate::history::Access;

    const SECOND: Duration = Duration::from_secs(1);

    fn delays(facts: &mut Facts, seconds: u64, at: Duration) {
        facts.accesses.push(Access {
            call: 6_000,
            name: "DelaySeconds".to_owned(),
            value: seconds.to_string(),
            is_set: true,
            began: at,
            ended: at,
            fate: Fate::Done,
        });
    }

    #[test]
    fn a_message_came_before_its_own_delay() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.sends[0].delay = Some(SECOND);
        story::delivered(&mut facts, 900..990, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        story::delivered(&mut facts, 900..1_000, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
    }

    #[test]
    fn the_queues_delay_counts_while_it_may_be_in_force() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        delays(&mut facts, 1, Duration::ZERO);
        story::delivered(&mut facts, 400..500, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        delays(&mut facts, 0, Duration::ZERO);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
