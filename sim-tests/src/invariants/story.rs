//! Short histories written by hand. Message ids are `id-` and the body; times are in milliseconds.

use std::ops::Range;
use std::time::Duration;

use super::{Allowance, Rule};
use crate::history::{Change, Delete, Delivery, Facts, Fate, Purge, Receive, Send, Span};

/// The visibility timeout of these histories.
pub(super) const VISIBILITY_MS: u64 = 100;

/// The sentences that a rule finds.
pub(super) fn found(rule: Rule, facts: &Facts) -> Vec<String> {
    let allowance = Allowance::default();
    rule(facts, &allowance)
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

/// A history in which these messages were sent and acknowledged: body, group, sequence number.
pub(super) fn sent(messages: &[(&str, &str, u128)]) -> Facts {
    let sends = messages.iter().enumerate();
    Facts {
        sends: sends
            .map(|(call, (body, group, sequence))| Send {
                call,
                body: (*body).to_owned(),
                group: Some((*group).to_owned()),
                deduplication: None,
                delay: None,
                began: Duration::ZERO,
                ended: Duration::ZERO,
                fate: Fate::Done,
                message_id: format!("id-{body}"),
                sequence: Some(*sequence),
            })
            .collect(),
        visibility: Span::of(Duration::from_millis(VISIBILITY_MS)),
        retention: Span::of(Duration::from_secs(100_000)),
        ..Facts::default()
    }
}

/// A history in which one message was sent, and nobody knows what became of it.
pub(super) fn unknown(body: &str) -> Facts {
    let mut facts = sent(&[(body, "g", 1)]);
    facts.sends[0].fate = Fate::Unknown;
    facts
}

/// One call received these bodies, in the groups that they were sent to.
pub(super) fn delivered(facts: &mut Facts, ms: Range<u64>, bodies: &[&str]) {
    let call = 1_000 + facts.deliveries.len();
    for body in bodies {
        let count = 1 + facts.deliveries.iter().filter(|d| d.body == *body).count() as u64;
        let send = facts.sends.iter().find(|send| send.body == *body);
        facts.deliveries.push(Delivery {
            call,
            body: (*body).to_owned(),
            message_id: format!("id-{body}"),
            receipt: format!("receipt-{call}-{body}"),
            group: send.and_then(|send| send.group.clone()),
            count,
            began: Duration::from_millis(ms.start),
            ended: Duration::from_millis(ms.end),
            visibility: facts.visibility,
            attempt: None,
        });
    }
}

/// One call received nothing.
pub(super) fn empty(facts: &mut Facts, ms: Range<u64>) {
    facts.receives.push(Receive {
        call: 5_000 + facts.receives.len(),
        began: Duration::from_millis(ms.start),
        ended: Duration::from_millis(ms.end),
        attempts: 1,
        fate: Fate::Done,
        messages: 0,
        attempt: None,
    });
}

/// The message of this body was deleted with success.
pub(super) fn deleted(facts: &mut Facts, body: &str, ms: Range<u64>) {
    facts.deletes.push(Delete {
        call: 2_000 + facts.deletes.len(),
        message_id: format!("id-{body}"),
        began: Duration::from_millis(ms.start),
        ended: Duration::from_millis(ms.end),
        fate: Fate::Done,
    });
}

/// Its visibility was changed, with the handle of its last delivery so far.
pub(super) fn changed(facts: &mut Facts, body: &str, ms: Range<u64>, visibility_ms: u64) {
    let held = facts.deliveries.iter().rfind(|delivery| delivery.body == body);
    let receipt = held.map(|delivery| delivery.receipt.clone());
    facts.changes.push(Change {
        receipt: receipt.unwrap_or_default(),
        call: 3_000 + facts.changes.len(),
        message_id: format!("id-{body}"),
        visibility: Duration::from_millis(visibility_ms),
        began: Duration::from_millis(ms.start),
        ended: Duration::from_millis(ms.end),
        fate: Fate::Done,
    });
}

/// The queue was purged.
pub(super) fn purged(facts: &mut Facts, ms: Range<u64>) {
    facts.purges.push(Purge {
        call: 4_000 + facts.purges.len(),
        began: Duration::from_millis(ms.start),
        ended: Duration::from_millis(ms.end),
        fate: Fate::Done,
    });
}
