//! FIFO: receives under one attempt id bring the same messages with the same handles, and start their timeout anew,
//! or are refused because something was done with one of them (SQS: ReceiveRequestAttemptId).
//!
//! In the history, the deliveries of an attempt are those of its first reply with messages; what its further calls
//! brought are repeats. The rules about deliveries therefore hold for an attempt as for one receive.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Allowance, Finding, ROUNDING};
use crate::history::{Delivery, Facts, Fate, Receive};

/// For how long an attempt is remembered.
const SPAN: Duration = Duration::from_secs(5 * 60);

/// All that is known of an attempt.
#[derive(Default)]
struct Attempt<'a> {
    calls: Vec<&'a Receive>,
    /// What the first reply with messages brought.
    first: Vec<&'a Delivery>,
    /// By call.
    repeats: BTreeMap<usize, Vec<&'a Delivery>>,
}

pub(super) fn check(facts: &Facts, allowance: &Allowance) -> Vec<Finding> {
    if !facts.purges.is_empty() {
        return Vec::new();
    }
    let mut attempts: BTreeMap<&str, Attempt> = BTreeMap::new();
    for receive in &facts.receives {
        if let Some(id) = &receive.attempt {
            attempts.entry(id).or_default().calls.push(receive);
        }
    }
    for delivery in &facts.deliveries {
        if let Some(id) = &delivery.attempt {
            attempts.entry(id).or_default().first.push(delivery);
        }
    }
    for repeat in &facts.repeats {
        if let Some(id) = &repeat.attempt {
            let repeats = &mut attempts.entry(id).or_default().repeats;
            repeats.entry(repeat.call).or_default().push(repeat);
        }
    }
    let slack = allowance.clock_slack + ROUNDING;
    let mut found = Vec::new();
    for (id, attempt) in &attempts {
        let began = attempt.calls.iter().map(|call| call.began).min();
        // An older id is a new one.
        let remembered = began.unwrap_or_default() + SPAN.saturating_sub(slack);
        if attempt.calls.iter().all(|call| call.ended < remembered) {
            found.extend(same(id, attempt));
            found.extend(forgotten(id, attempt));
            found.extend(refused(id, attempt, facts, slack));
            found.extend(shown(id, attempt, facts, slack));
        }
    }
    found
}

/// A repetition brought other messages, or other handles.
fn same(id: &str, attempt: &Attempt) -> Vec<Finding> {
    let receipts = |all: &[&Delivery]| all.iter().map(|one| one.receipt.clone()).collect::<Vec<_>>();
    let first = receipts(&attempt.first);
    let other = attempt.repeats.iter().filter(|(_, all)| receipts(all) != first);
    let what = format!("{id} brought other messages the second time");
    other
        .map(|(call, _)| Finding::new(what.clone(), [attempt.first[0].call, *call]))
        .collect()
}

/// A repetition brought nothing.
fn forgotten(id: &str, attempt: &Attempt) -> Vec<Finding> {
    let Some(first) = attempt.first.first() else {
        return Vec::new();
    };
    let empty = attempt
        .calls
        .iter()
        .filter(|call| call.fate == Fate::Done && call.messages == 0 && call.began > first.ended);
    let what = format!("{id} brought nothing the second time");
    empty
        .map(|call| Finding::new(what.clone(), [first.call, call.call]))
        .collect()
}

/// A repetition was refused before anything can have been done with the messages.
fn refused(id: &str, attempt: &Attempt, facts: &Facts, slack: Duration) -> Vec<Finding> {
    let Some(began) = attempt.calls.iter().map(|call| call.began).min() else {
        return Vec::new();
    };
    let is_own = |message: &str| attempt.first.iter().any(|one| one.message_id == message);
    let deletes = facts.deletes.iter().filter(|delete| is_own(&delete.message_id));
    let changes = facts.changes.iter().filter(|change| is_own(&change.message_id));
    let touched = deletes.map(|delete| delete.began);
    let touched = touched.chain(changes.map(|change| change.began)).min();
    let may_run_out = began + facts.visibility.min.saturating_sub(slack);
    let wrongly = attempt.calls.iter().filter(|call| {
        let is_touched = touched.is_some_and(|touched| touched <= call.ended);
        call.fate == Fate::Refused && call.ended < may_run_out && !is_touched
    });
    let what = format!("{id} was refused although nothing was done with its messages");
    wrongly
        .map(|call| Finding::new(what.clone(), [attempt.calls[0].call, call.call]))
        .collect()
}

/// After a repetition a message was handed out again before its timeout, which had been started anew.
fn shown(id: &str, attempt: &Attempt, facts: &Facts, slack: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    for repeat in attempt.repeats.values().flatten() {
        let changes = facts.changes.iter();
        let mut changes = changes.filter(|change| change.message_id == repeat.message_id);
        let next = facts
            .deliveries
            .iter()
            .find(|delivery| delivery.message_id == repeat.message_id && delivery.count == repeat.count + 1);
        if let Some(next) = next
            && next.ended + slack < repeat.began + repeat.visibility.min
            && changes.all(|change| change.fate == Fate::Refused)
        {
            let what = format!("{:?} was shown to others although {id} was repeated", repeat.body);
            found.push(Finding::new(what, [repeat.call, next.call]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::story::{self, found};
    use super::*;

    /// A call under the id `one`, with these messages.
    fn call(facts: &mut Facts, ms: std::ops::Range<u64>, bodies: &[&str], fate: Fate) {
        let attempt = Some("one".to_owned());
        story::empty(facts, ms.clone());
        let receive = facts.receives.last_mut().expect("it was just made");
        (receive.attempt, receive.fate, receive.messages) = (attempt.clone(), fate, bodies.len());
        let number = receive.call;
        let known = facts.deliveries.len();
        story::delivered(facts, ms, bodies);
        let mut new = facts.deliveries.split_off(known);
        for delivery in &mut new {
            (delivery.call, delivery.count, delivery.attempt) = (number, 1, attempt.clone());
            delivery.receipt = format!("receipt-{}", delivery.body);
        }
        if facts.deliveries.iter().any(|known| known.attempt == attempt) {
            facts.repeats.extend(new);
        } else {
            facts.deliveries.extend(new);
        }
    }

    fn two() -> Facts {
        let mut facts = story::sent(&[("a", "g", 1), ("b", "g", 2)]);
        call(&mut facts, 10..20, &["a", "b"], Fate::Done);
        facts
    }

    #[test]
    fn the_same_again_is_right_and_anything_else_is_not() {
        let mut facts = two();
        call(&mut facts, 30..40, &["a", "b"], Fate::Done);
        assert_eq!(found(check, &facts), [""; 0]);
        call(&mut facts, 50..60, &["a"], Fate::Done);
        assert_eq!(found(check, &facts).len(), 1, "less");
        let mut facts = two();
        call(&mut facts, 30..40, &["a", "b"], Fate::Done);
        facts.repeats[0].receipt = "another".to_owned();
        assert_eq!(found(check, &facts).len(), 1, "another handle");
        let mut facts = two();
        call(&mut facts, 30..40, &[], Fate::Done);
        assert_eq!(found(check, &facts).len(), 1, "nothing");
    }

    #[test]
    fn a_refusal_has_a_reason() {
        let mut facts = two();
        call(&mut facts, 30..40, &[], Fate::Refused);
        assert_eq!(found(check, &facts).len(), 1);
        story::deleted(&mut facts, "b", 35..36);
        assert_eq!(found(check, &facts), [""; 0], "it was deleted");
        facts.deletes.clear();
        facts.receives[1].ended = Duration::from_millis(10 + story::VISIBILITY_MS);
        assert_eq!(found(check, &facts), [""; 0], "it may have run out");
    }

    #[test]
    fn a_repetition_starts_the_timeout_anew() {
        let mut facts = two();
        call(&mut facts, 50..60, &["a", "b"], Fate::Done);
        story::delivered(&mut facts, 100..120, &["a"]);
        assert_eq!(found(check, &facts).len(), 1);
        facts.deliveries[2].ended = Duration::from_millis(50 + story::VISIBILITY_MS);
        assert_eq!(found(check, &facts), [""; 0]);
    }
}
