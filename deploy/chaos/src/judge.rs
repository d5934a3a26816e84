//! Whether a run went well: the simulation's rules over the recorded history, and what the harness itself saw.
//!
//! Rules of replicas' steps need what only the simulation sees. Of what clients saw, all rules are applied.

use std::path::Path;
use std::time::Duration;

use sim_tests::invariants::{self, Allowance};
use sim_tests::violation::Violation;

use crate::journal::{self, Entry, Event};
use crate::plan::Plan;
use crate::record::{self, Read};

/// A run as its folder tells it.
pub struct Judged {
    /// What it was to be.
    pub plan: Plan,
    /// What clients saw.
    pub seen: Read,
    /// What was done.
    pub events: Vec<Entry>,
    /// What must not have happened.
    pub violations: Vec<Violation>,
    /// Whether it was cut short.
    pub interrupted: bool,
}

/// One machine's clocks agree, but timers and the steps of the clock that they are read by have their grain.
const GRAIN: Duration = Duration::from_millis(10);

/// Judges the run in a folder.
///
/// # Errors
/// If the folder holds no run.
pub fn judge(folder: &Path) -> anyhow::Result<Judged> {
    let plan = Plan::read(folder)?;
    let seen = record::read(folder)?;
    let events = journal::read(folder)?;
    Ok(of(plan, seen, events))
}

fn of(plan: Plan, seen: Read, events: Vec<Entry>) -> Judged {
    let interrupted = !seen.emptied;
    // Once most nodes have lost their data, nothing may be acknowledged any more.
    let ruins = events
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Begun { kind, .. } if kind == "ruin"));
    let after = |entry: &Entry| Duration::from_millis(entry.unix_ms.saturating_sub(seen.began_unix_ms));
    let ruin = ruins.map(after).next();
    let allowance = Allowance {
        clock_slack: Duration::from_millis(plan.clock_slack_ms) + GRAIN,
        healthy_from: Duration::from_millis(plan.load_ms.saturating_sub(plan.calm_ms)),
        ruin,
        unfinished: interrupted || ruin.is_some(),
        // Nodes that join may raise what a queue may grow to.
        grows: plan.partitions_max > plan.partitions,
        partitioned: plan.partitions.max(plan.partitions_max) > 1,
    };
    let mut violations = invariants::judge(&seen.history, &allowance);
    let at = seen.history.0.last().map(|call| call.ended).unwrap_or_default();
    for entry in &events {
        if let Event::Wrong { rule, what } = &entry.event {
            let at = Duration::from_millis(entry.unix_ms.saturating_sub(seen.began_unix_ms));
            violations.push(Violation::of_steps(rule, what.clone(), at));
        }
    }
    for failure in &seen.failed {
        violations.push(Violation::of_steps("workloads succeed", failure.clone(), at));
    }
    if let Some(hanging) = seen.hanging.as_ref().filter(|_| !was_interrupted(&events)) {
        let what = format!("under way when clients were told to end:{hanging}");
        violations.push(Violation::of_steps("comes to an end", what, at));
    }
    Judged {
        plan,
        seen,
        events,
        violations,
        interrupted,
    }
}

fn was_interrupted(events: &[Entry]) -> bool {
    events.iter().any(|entry| entry.event == Event::Interrupted)
}

#[cfg(test)]
mod tests;
