//! The report as text.

use std::fmt::Write;

use super::numbers::{Numbers, percentile};
use super::verdict;
use crate::journal::Event;
use crate::judge::Judged;

/// Violations beyond these say nothing new.
const SHOWN: usize = 20;

pub(super) fn of(judged: &Judged, numbers: &Numbers) -> String {
    let mut out = String::new();
    let plan = &judged.plan;
    let _ = writeln!(out, "# Chaos run, seed {}\n", plan.seed);
    let _ = writeln!(out, "**{}**\n", verdict(judged));
    for line in facts(judged, numbers) {
        let _ = writeln!(out, "- {line}");
    }
    if !judged.violations.is_empty() {
        let _ = writeln!(out, "\n## Violations\n");
        for violation in judged.violations.iter().take(SHOWN) {
            let at = violation.at.as_secs_f64();
            let _ = writeln!(out, "- at {at:.3} s, calls {:?}: {violation}", violation.calls);
        }
    }
    let _ = writeln!(out, "\n## Unavailability by fault\n");
    let [head, rows] = kinds(numbers);
    table(&mut out, &head[0], &rows);
    let _ = writeln!(out, "\n{EXPLANATION}");
    let _ = writeln!(out, "\n## What was done\n");
    let [head, rows] = spans(numbers);
    table(&mut out, &head[0], &rows);
    for line in left_out(judged) {
        let _ = writeln!(out, "- {line}");
    }
    let _ = writeln!(out, "\n## Calls\n");
    let [head, rows] = calls(numbers);
    table(&mut out, &head[0], &rows);
    out
}

/// Under the table of kinds.
pub(super) const EXPLANATION: &str = "Seconds without a successful send, measured on each queue of the steady load, whose \
sends do not wait for each other; of an occurrence its worst queue counts. \"Hit\" are queues whose leader the fault hit, \
\"others\" all the rest. A fault's time goes on until 5 s after all nodes were ready again, or the next fault. \"Given up\" \
are calls of the steady load that still failed after the SDK's own retries.";

type Table = [Vec<Vec<String>>; 2];

/// What a run was, in lines.
pub(super) fn facts(judged: &Judged, numbers: &Numbers) -> Vec<String> {
    let plan = &judged.plan;
    let made: usize = numbers.calls.values().map(|[made, ..]| made).sum();
    let failed: usize = numbers.calls.values().map(|[.., failed]| failed).sum();
    let mut facts = vec![
        format!(
            "{} nodes, {:.0} s of load, {} faults",
            plan.nodes,
            numbers.load_end,
            numbers.spans.len()
        ),
        format!("{made} calls, of which clients gave up {failed} after the SDK's retries"),
        format!(
            "steady load: {} sends a second to each of {}",
            plan.rate,
            plan.steady.join(", ")
        ),
        format!("workloads beside it: {}", plan.workloads.join(", ")),
        format!(
            "{} partitions of standard queues, up to {}, {} of FIFO queues; checkpoints each {} KiB",
            plan.partitions,
            plan.partitions_max,
            plan.fifo_partitions,
            plan.checkpoint_bytes >> 10
        ),
        format!(
            "longest time without a successful send while nothing was wrong: {:.2} s",
            numbers.quiet_gap
        ),
    ];
    if judged.seen.shed > 0 {
        facts.push(format!(
            "{} sends were left out because too many had not ended",
            judged.seen.shed
        ));
    }
    facts.extend(plan.versions.iter().map(|version| format!("version: {version}")));
    facts
}

/// Unavailability by kind of fault.
pub(super) fn kinds(numbers: &Numbers) -> Table {
    let head = [
        "fault",
        "times",
        "hit, p50",
        "hit, max",
        "others, p50",
        "others, max",
        "given up",
    ];
    let rows = numbers.kinds.iter().map(|(name, kind)| {
        let [hit, other] = [&kind.hit, &kind.other];
        let show = |list: &[f64], percent| match list.is_empty() {
            true => "-".to_owned(),
            false => format!("{:.2} s", percentile(list, percent)),
        };
        let gaps = [show(hit, 50), show(hit, 100), show(other, 50), show(other, 100)];
        let mut row = vec![name.clone(), kind.times.to_string()];
        row.extend(gaps);
        row.push(kind.failed.to_string());
        row
    });
    [vec![head.map(str::to_owned).to_vec()], rows.collect()]
}

/// What was done when.
pub(super) fn spans(numbers: &Numbers) -> Table {
    let head = [
        "#", "begun", "over", "healed", "fault", "what", "hit", "others", "given up",
    ];
    let rows = numbers.spans.iter().map(|span| {
        let gap = |gap: Option<f64>| gap.map_or("-".to_owned(), |gap| format!("{gap:.2} s"));
        vec![
            span.fault.to_string(),
            format!("{:.1} s", span.begun),
            format!("{:.1} s", span.over),
            format!("{:.1} s", span.healed),
            span.kind.clone(),
            span.what.clone(),
            gap(span.hit_gap),
            gap(span.other_gap),
            span.failed.to_string(),
        ]
    });
    [vec![head.map(str::to_owned).to_vec()], rows.collect()]
}

/// Faults that did not happen, and what else is worth knowing.
pub(super) fn left_out(judged: &Judged) -> Vec<String> {
    let lines = judged.events.iter().filter_map(|entry| match &entry.event {
        event @ (Event::Skipped { .. } | Event::Note { .. } | Event::Interrupted) => {
            let at = (entry.unix_ms as f64 - judged.seen.began_unix_ms as f64) / 1000.0;
            Some(format!("{at:.1} s: {event}"))
        }
        _ => None,
    });
    lines.collect()
}

/// Calls by operation.
pub(super) fn calls(numbers: &Numbers) -> Table {
    let head = ["operation", "calls", "refused", "given up"].map(str::to_owned);
    let rows = numbers.calls.iter().map(|(operation, counts)| {
        let counts = counts.iter().map(ToString::to_string);
        std::iter::once((*operation).to_owned()).chain(counts).collect()
    });
    [vec![head.to_vec()], rows.collect()]
}

fn table(out: &mut String, head: &[String], rows: &[Vec<String>]) {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let _ = writeln!(out, "{}", line(head));
    let _ = writeln!(out, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(out, "{}", line(row));
    }
    let _ = writeln!(out);
}
