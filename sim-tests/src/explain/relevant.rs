//! Which part of a history a violation is about: its calls, what else happened to the same messages, and, in
//! a message group, to the others around them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::history::{Call, Facts, Fate, History};
use crate::violation::Violation;

/// What matters of a history.
pub(super) struct Relevant {
    /// In the order in which the calls began.
    pub(super) lines: Vec<String>,
    /// The calls that the lines are about.
    pub(super) calls: BTreeSet<usize>,
    /// When the first of the violation's own calls began.
    pub(super) began: Duration,
}

/// Beyond so many lines, only those of the violation's own calls and near to them are shown.
const LINES_MAX: usize = 60;
/// In a group, so long before and after.
const AROUND: Duration = Duration::from_secs(2);

impl Relevant {
    pub(super) fn of(violation: &Violation, history: &History) -> Relevant {
        let own: Vec<&Call> = violation.calls.iter().filter_map(|n| history.0.get(*n)).collect();
        let began = own.iter().map(|call| call.began).min().unwrap_or(violation.at);
        let ended = own.iter().map(|call| call.ended).max().unwrap_or(violation.at);
        let around = began.saturating_sub(AROUND)..=ended + AROUND;
        let all = history.facts();
        let facts = violation.queue.as_ref().and_then(|queue| all.get(queue));
        let mut lines = facts.map_or_else(BTreeMap::new, |facts| tell(facts, violation, &around, history));
        let told: BTreeSet<usize> = lines.keys().map(|(_, call, _)| *call).collect();
        for call in own {
            if !told.contains(&call.number) {
                lines.insert((call.began, call.number, 0), call.to_string());
            }
        }
        if lines.len() > LINES_MAX {
            lines.retain(|(at, call, _), _| violation.calls.contains(call) || around.contains(at));
        }
        let calls = lines.keys().map(|(_, call, _)| *call).collect();
        let left_out = lines.len().saturating_sub(LINES_MAX);
        let mut lines: Vec<String> = lines.into_values().take(LINES_MAX).collect();
        if left_out > 0 {
            lines.push(format!("and {left_out} more; see --timeline"));
        }
        Relevant { lines, calls, began }
    }
}

/// By beginning, call, and place in the call.
type Lines = BTreeMap<(Duration, usize, usize), String>;

fn tell(facts: &Facts, violation: &Violation, around: &RangeInclusive<Duration>, history: &History) -> Lines {
    let messages = Messages::of(facts, violation);
    let mut lines = Lines::new();
    let mut add = |number: usize, what: String| {
        let Some(call) = history.0.get(number) else { return };
        let (began, ended) = (call.began.as_secs_f64(), call.ended.as_secs_f64());
        let attempts = match call.attempts {
            1 => String::new(),
            attempts => format!(", in {attempts} attempts"),
        };
        let client = &call.client;
        let line = format!("{began:>8.3} to {ended:>8.3} s  {client:<4} #{number} {what}{attempts}");
        let place = lines.range((call.began, number, 0)..=(call.began, number, usize::MAX));
        let place = place.count();
        lines.insert((call.began, number, place), line);
    };
    for send in &facts.sends {
        if messages.has(
            &send.body,
            &send.message_id,
            send.group.as_deref(),
            around,
            send.began,
        ) {
            let group = send.group.as_ref().map(|group| format!(" in {group}"));
            let sequence = send.sequence.map(|number| format!(", number {number}"));
            let (group, sequence) = (group.unwrap_or_default(), sequence.unwrap_or_default());
            let fate = fate(send.fate);
            add(
                send.call,
                format!("sends {:?}{group}: {fate}{sequence}", send.body),
            );
        }
    }
    for got in facts.deliveries.iter().chain(&facts.repeats) {
        if messages.has(
            &got.body,
            &got.message_id,
            got.group.as_deref(),
            around,
            got.began,
        ) {
            let (body, count, hidden) = (&got.body, got.count, got.visibility);
            let what = format!("receives {body:?}, delivery {count}, invisible for {hidden:?}");
            add(got.call, what);
        }
    }
    let name = |id: &str| messages.names.get(id).copied().unwrap_or("?").to_owned();
    for delete in &facts.deletes {
        if messages.ids.contains(delete.message_id.as_str()) {
            let (body, fate) = (name(&delete.message_id), fate(delete.fate));
            add(delete.call, format!("deletes {body:?}: {fate}"));
        }
    }
    for change in &facts.changes {
        if messages.ids.contains(change.message_id.as_str()) {
            let (body, hidden) = (name(&change.message_id), change.visibility);
            let fate = fate(change.fate);
            add(
                change.call,
                format!("makes {body:?} invisible for {hidden:?}: {fate}"),
            );
        }
    }
    lines
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Done => "done",
        Fate::Refused => "refused",
        Fate::Unknown => "nobody knows",
    }
}

/// The messages in question.
struct Messages<'a> {
    bodies: BTreeSet<&'a str>,
    ids: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    /// Bodies of all messages of the queue, by id.
    names: BTreeMap<&'a str, &'a str>,
}

impl<'a> Messages<'a> {
    /// Those that the sentence quotes; if it quotes none, those of the violation's calls.
    fn of(facts: &'a Facts, violation: &Violation) -> Messages<'a> {
        let sends = facts.sends.iter();
        let sends = sends.map(|send| (send.call, &*send.body, &*send.message_id, send.group.as_deref()));
        let got = facts.deliveries.iter();
        let got = got.map(|got| (got.call, &*got.body, &*got.message_id, got.group.as_deref()));
        let all: Vec<_> = sends.chain(got).collect();
        let quoted: BTreeSet<&str> = all
            .iter()
            .map(|(_, body, ..)| *body)
            .filter(|body| violation.what.contains(&format!("{body:?}")))
            .collect();
        let mut these = Messages {
            bodies: BTreeSet::new(),
            ids: BTreeSet::new(),
            groups: BTreeSet::new(),
            names: BTreeMap::new(),
        };
        for (call, body, id, group) in all {
            these.names.insert(id, body);
            if quoted.contains(body) || quoted.is_empty() && violation.calls.contains(&call) {
                these.bodies.insert(body);
                these.groups.extend(group);
                // A send that was not answered has no id.
                these.ids.extend(Some(id).filter(|id| !id.is_empty()));
            }
        }
        these
    }

    fn has(
        &self,
        body: &str,
        id: &str,
        group: Option<&str>,
        around: &RangeInclusive<Duration>,
        at: Duration,
    ) -> bool {
        let in_group = group.is_some_and(|group| self.groups.contains(group));
        self.bodies.contains(body) || self.ids.contains(id) || in_group && around.contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::history::Outcome;

    fn call(number: usize, operation: &'static str, input: Value, reply: Value) -> Call {
        let at = Duration::from_secs(number as u64);
        Call {
            number,
            client: "c0".to_owned(),
            queue: "q".to_owned(),
            operation,
            began: at,
            ended: at + Duration::from_millis(5),
            attempts: 1,
            input,
            outcome: Outcome::Done(reply),
        }
    }

    #[test]
    fn the_history_of_the_message_in_question_is_told() {
        let send = |number, body: &str| {
            let reply = json!({"MessageId": format!("id-{body}")});
            call(number, "SendMessage", json!({"MessageBody": body}), reply)
        };
        let got = json!({"Messages": [{"Body": "a", "MessageId": "id-a", "ReceiptHandle": "r"}]});
        let history = History(vec![
            send(0, "a"),
            send(1, "b"),
            call(2, "ReceiveMessage", json!({}), got),
            call(3, "DeleteMessage", json!({"ReceiptHandle": "r"}), Value::Null),
        ]);
        let violation = Violation {
            rule: "deleted".to_owned(),
            queue: Some("q".to_owned()),
            what: "\"a\" was received after its delete".to_owned(),
            calls: vec![3],
            at: Duration::from_secs(4),
        };
        let relevant = Relevant::of(&violation, &history);
        assert_eq!(relevant.calls, BTreeSet::from([0, 2, 3]));
        assert!(relevant.lines[0].contains("#0 sends \"a\""));
        assert!(relevant.lines[2].contains("#3 deletes \"a\": done"));
        assert_eq!(relevant.began, Duration::from_secs(3));
    }
}
