//! Tells a person what was violated: how to repeat the run, the rule, what happened to the messages that it is
//! about, which faults were under way, and what nodes did meanwhile.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use crate::run::Outcome;
use crate::timeline::Line;
use crate::violation::Violation;

mod relevant;

use relevant::Relevant;

/// What happened for so long before the first call that matters is told, too.
const BEFORE: Duration = Duration::from_secs(5);

/// The story of a violation. `repeat` is the command that plays the run again; `whole` has the timeline tell
/// everything.
pub fn explain(outcome: &Outcome, violation: &Violation, repeat: &str, whole: bool) -> String {
    let relevant = Relevant::of(violation, &outcome.history);
    let from = relevant.began.saturating_sub(BEFORE);
    let mut out = String::new();
    let scenario = &outcome.scenario;
    let _ = writeln!(
        out,
        "seed {}: {} nodes, {} clients, {} faults, violated at {}",
        scenario.seed,
        scenario.nodes,
        scenario.clients.len(),
        scenario.schedule.len(),
        seconds(violation.at)
    );
    let _ = writeln!(out, "repeat with: {repeat}");
    let _ = writeln!(out, "\nRule \"{}\" is broken", violation.rule);
    if let Some(queue) = &violation.queue {
        let _ = writeln!(out, "  on queue {queue}:");
    }
    let _ = writeln!(out, "  {}", violation.what);
    section(&mut out, "What happened to it", relevant.lines.iter());
    let faults = under_way(outcome, from, violation.at);
    section(&mut out, "Faults under way", faults.iter());
    let title = if whole { "Timeline" } else { "Timeline around it" };
    let told = |line: &&Line| whole || is_told(line, from, violation.at, &relevant.calls);
    section(&mut out, title, outcome.timeline.iter().filter(told));
    out
}

fn section<L: std::fmt::Display>(out: &mut String, title: &str, lines: impl Iterator<Item = L>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(out, "\n{title}");
    }
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

/// Calls only if they matter; what the world and the nodes did, if it was then.
fn is_told(line: &Line, from: Duration, until: Duration, calls: &BTreeSet<usize>) -> bool {
    match line.call {
        Some(call) => calls.contains(&call),
        None => (from..=until).contains(&line.at),
    }
}

/// Faults that began before `until` and did not end before `from`.
fn under_way(outcome: &Outcome, from: Duration, until: Duration) -> Vec<String> {
    let schedule = outcome.scenario.schedule.iter();
    let overlapping = schedule.filter(|fault| fault.at <= until && fault.until >= from);
    overlapping
        .filter_map(|fault| {
            let prefix = format!("fault {} ", fault.number);
            let mut lines = outcome.timeline.iter();
            let begin = lines.find(|line| line.call.is_none() && line.what.starts_with(&prefix))?;
            let (at, end) = (seconds(begin.at), seconds(fault.until));
            Some(format!("{at} to {end}  {}", begin.what))
        })
        .collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
