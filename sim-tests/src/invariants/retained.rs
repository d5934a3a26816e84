//! A message is gone once it is as old as the queue's retention, wherever it was (SQS:
//! MessageRetentionPeriod; it counts from SentTimestamp). That it is not gone before is what the rule about
//! lost messages says.

use super::{Allowance, Finding, ROUNDING};
use crate::history::Facts;

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    let acknowledged = facts.acknowledged();
    let late = facts.deliveries.iter().filter_map(|delivery| {
        let send = acknowledged.get(delivery.message_id.as_str())?;
        let gone = send.ended + facts.retention.max + allowance.clock_slack + ROUNDING;
        let what = format!("{:?} was received after its retention", delivery.body);
        (delivery.began > gone).then(|| Finding::new(what, [send.call, delivery.call]))
    });
    late.collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;
    use crate::history::Span;

    #[test]
    fn a_message_was_kept_too_long() {
        let mut facts = story::sent(&[("a", "g", 1)]);
        facts.retention = Span::of(std::time::Duration::from_secs(60));
        story::delivered(&mut facts, 59_000..61_000, &["a"]);
        assert_eq!(found(check, &facts), [""; 0], "it may have looked before");
        story::delivered(&mut facts, 61_000..61_001, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
    }
}
