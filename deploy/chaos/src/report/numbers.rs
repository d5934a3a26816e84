//! What the record says in numbers: calls, errors and latency second by second, and for each fault how long there was
//! no successful send.

use std::collections::BTreeMap;

use sim_tests::history::{Call, Outcome};

use crate::journal::Event;
use crate::judge::Judged;

/// After a fault was healed, so long its cost still counts as its own.
const AFTERMATH_S: f64 = 5.0;

/// A run in numbers. All times are seconds since the clients began.
pub struct Numbers {
    /// One for each second.
    pub seconds: Vec<Second>,
    /// Faults that happened.
    pub spans: Vec<Span>,
    /// By kind of fault.
    pub kinds: BTreeMap<String, Kind>,
    /// The longest time without a successful send to any one queue while nothing was wrong.
    pub quiet_gap: f64,
    /// When the load ended.
    pub load_end: f64,
    /// Calls by operation: how many were made, refused, and given up.
    pub calls: BTreeMap<&'static str, [usize; 3]>,
}

/// One second.
#[derive(Clone, Debug, Default)]
pub struct Second {
    /// Calls that ended with success.
    pub done: usize,
    /// Calls that clients gave up.
    pub failed: usize,
    /// Latency of steady sends, in seconds: the median and the 99th percentile.
    pub latency: Option<(f64, f64)>,
}

/// A fault.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its number.
    pub fault: usize,
    /// Its kind.
    pub kind: String,
    /// What was done.
    pub what: String,
    /// When it began.
    pub begun: f64,
    /// When it was over.
    pub over: f64,
    /// When all was healed, or the end.
    pub healed: f64,
    /// The longest time without a successful send to one of the queues whose leaders it hit.
    pub hit_gap: Option<f64>,
    /// The same of the other queues.
    pub other_gap: Option<f64>,
    /// Calls of the steady load that clients gave up meanwhile.
    pub failed: usize,
}

/// All faults of a kind.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// How often it happened.
    pub times: usize,
    /// Gaps of the queues whose leaders were hit, an occurrence each.
    pub hit: Vec<f64>,
    /// Gaps of the other queues.
    pub other: Vec<f64>,
    /// Calls of the steady load that clients gave up.
    pub failed: usize,
}

impl Numbers {
    /// The numbers of a run.
    pub fn of(judged: &Judged) -> Numbers {
        let load_end = judged.plan.load_ms as f64 / 1000.0;
        let successes = successes(judged);
        let mut spans = spans(judged);
        for at in 0..spans.len() {
            let next = spans.get(at + 1).map_or(f64::MAX, |next| next.begun);
            let to = (spans[at].healed + AFTERMATH_S)
                .min(next.max(spans[at].over))
                .min(load_end);
            let hit = hit(judged, spans[at].fault);
            let gap = |of: &dyn Fn(&str) -> bool| {
                let queues = successes.iter().filter(|(queue, _)| of(queue));
                queues
                    .map(|(_, times)| longest(times, spans[at].begun, to, load_end))
                    .reduce(f64::max)
            };
            let gaps = (
                gap(&|queue| hit.contains(&queue)),
                gap(&|queue| !hit.contains(&queue)),
            );
            let failed = judged.seen.history.0.iter().filter(|call| {
                let ended = call.ended.as_secs_f64();
                let is_steady = judged.plan.steady.contains(&call.queue);
                is_steady && is_failed(call) && ended >= spans[at].begun && ended < to
            });
            let failed = failed.count();
            (spans[at].hit_gap, spans[at].other_gap) = gaps;
            spans[at].failed = failed;
        }
        Numbers {
            seconds: seconds(judged),
            kinds: kinds(&spans),
            quiet_gap: quiet_gap(&successes, &spans, load_end),
            spans,
            load_end,
            calls: calls(judged),
        }
    }
}

fn is_failed(call: &Call) -> bool {
    matches!(call.outcome, Outcome::Unknown(_))
}

/// When sends to each queue of the steady load were acknowledged.
fn successes(judged: &Judged) -> BTreeMap<&str, Vec<f64>> {
    let steady = judged.plan.steady.iter();
    let mut all: BTreeMap<&str, Vec<f64>> = steady.map(|queue| (queue.as_str(), Vec::new())).collect();
    for call in &judged.seen.history.0 {
        let is_send = call.operation == "SendMessage" && matches!(call.outcome, Outcome::Done(_));
        if let Some(times) = all.get_mut(call.queue.as_str()).filter(|_| is_send) {
            times.push(call.ended.as_secs_f64());
        }
    }
    all.values_mut().for_each(|times| times.sort_by(f64::total_cmp));
    all
}

/// The longest time between two successes that overlaps a span; after the last one comes the end of the load.
fn longest(times: &[f64], from: f64, to: f64, load_end: f64) -> f64 {
    let first = times.first().copied().unwrap_or(load_end);
    let last = times.last().copied().unwrap_or_default();
    let between = times.windows(2).map(|pair| (pair[0], pair[1]));
    let gaps = between.chain([(0.0, first), (last, load_end.max(last))]);
    let overlapping = gaps.filter(|(before, after)| *after > from && *before < to);
    overlapping
        .map(|(before, after)| after - before)
        .fold(0.0, f64::max)
}

fn quiet_gap(successes: &BTreeMap<&str, Vec<f64>>, spans: &[Span], load_end: f64) -> f64 {
    let busy = |from: f64, to: f64| {
        spans
            .iter()
            .any(|span| span.begun < to && span.healed + AFTERMATH_S > from)
    };
    let mut longest = 0.0;
    for times in successes.values() {
        for pair in times
            .windows(2)
            .filter(|pair| pair[1] < load_end && !busy(pair[0], pair[1]))
        {
            longest = f64::max(longest, pair[1] - pair[0]);
        }
    }
    longest
}

fn hit(judged: &Judged, number: usize) -> Vec<&str> {
    let events = judged.events.iter().filter_map(|entry| match &entry.event {
        Event::Begun { fault, hit, .. } if *fault == number => Some(hit),
        _ => None,
    });
    events.flatten().map(String::as_str).collect()
}

fn spans(judged: &Judged) -> Vec<Span> {
    let end = judged
        .seen
        .history
        .0
        .iter()
        .map(|call| call.ended.as_secs_f64())
        .fold(0.0, f64::max);
    let mut spans: Vec<Span> = Vec::new();
    for entry in &judged.events {
        let at = (entry.unix_ms as f64 - judged.seen.began_unix_ms as f64) / 1000.0;
        match &entry.event {
            Event::Over { fault } => of_number(&mut spans, *fault).for_each(|span| span.over = at),
            Event::Healed { fault } => of_number(&mut spans, *fault).for_each(|span| {
                span.healed = at;
                span.over = span.over.min(at);
            }),
            Event::Begun {
                fault, kind, what, ..
            } => spans.push(Span {
                fault: *fault,
                kind: kind.clone(),
                what: what.clone(),
                begun: at,
                over: end,
                healed: end,
                hit_gap: None,
                other_gap: None,
                failed: 0,
            }),
            _ => {}
        }
    }
    spans
}

fn of_number(spans: &mut [Span], fault: usize) -> impl Iterator<Item = &mut Span> {
    spans.iter_mut().filter(move |span| span.fault == fault)
}

fn kinds(spans: &[Span]) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for span in spans {
        let kind = kinds.entry(span.kind.clone()).or_default();
        kind.times += 1;
        kind.hit.extend(span.hit_gap);
        kind.other.extend(span.other_gap);
        kind.failed += span.failed;
    }
    for kind in kinds.values_mut() {
        kind.hit.sort_by(f64::total_cmp);
        kind.other.sort_by(f64::total_cmp);
    }
    kinds
}

fn seconds(judged: &Judged) -> Vec<Second> {
    let mut seconds: Vec<Second> = Vec::new();
    let mut latencies: Vec<Vec<f64>> = Vec::new();
    for call in &judged.seen.history.0 {
        let at = call.ended.as_secs() as usize;
        if seconds.len() <= at {
            seconds.resize(at + 1, Second::default());
            latencies.resize(at + 1, Vec::new());
        }
        match call.outcome {
            Outcome::Done(_) => seconds[at].done += 1,
            Outcome::Unknown(_) => seconds[at].failed += 1,
            Outcome::Refused(_) => {}
        }
        let is_steady = call.operation == "SendMessage" && judged.plan.steady.contains(&call.queue);
        if is_steady && !is_failed(call) {
            latencies[at].push((call.ended - call.began).as_secs_f64());
        }
    }
    for (second, mut all) in seconds.iter_mut().zip(latencies) {
        all.sort_by(f64::total_cmp);
        second.latency = Some((percentile(&all, 50), percentile(&all, 99))).filter(|_| !all.is_empty());
    }
    seconds
}

/// Of a sorted list; zero of an empty one.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

fn calls(judged: &Judged) -> BTreeMap<&'static str, [usize; 3]> {
    let mut calls: BTreeMap<&'static str, [usize; 3]> = BTreeMap::new();
    for call in &judged.seen.history.0 {
        let [made, refused, failed] = calls.entry(call.operation).or_default();
        *made += 1;
        *refused += usize::from(matches!(call.outcome, Outcome::Refused(_)));
        *failed += usize::from(is_failed(call));
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_that_overlaps_is_found() {
        let times = [1.0, 1.1, 3.0, 3.1, 9.0];
        assert_eq!(longest(&times, 2.0, 2.5, 9.5), 3.0 - 1.1);
        assert_eq!(longest(&times, 3.05, 3.08, 9.5), 3.1 - 3.0);
        assert_eq!(longest(&times, 8.0, 20.0, 9.5), 9.0 - 3.1);
        assert_eq!(longest(&[], 1.0, 2.0, 9.5), 9.5, "no send ever succeeded");
        assert_eq!(longest(&[1.0], 2.0, 3.0, 9.5), 8.5, "none does any more");
    }

    #[test]
    fn percentiles_are_of_the_list() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50), 50.0);
        assert_eq!(percentile(&sorted, 99), 99.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
