//! Plays scenarios, several at a time, each in a process of its own.
//!
//! Threads would not do: tokio numbers tasks across the whole process and drops those of a runtime in an order
//! that depends on the numbers, so that two runs side by side change each other. A process can also be
//! ended when nobody wants its result any more.

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::report::Report;
use crate::scenario::{Case, Scenario};
use crate::violation::Violation;

/// The argument that makes this program play what stands on its standard input.
pub const WORKER: &str = "--worker";

struct Running {
    ticket: usize,
    seed: u64,
    child: Child,
}

/// Plays scenarios, at most `jobs` at a time, and hands over each report as it comes, with the place of its
/// scenario among all. Ends when the scenarios do, or as soon as `each` says so; what is under way then is
/// given up.
pub fn play(
    scenarios: impl IntoIterator<Item = Scenario>,
    jobs: usize,
    mut each: impl FnMut(usize, Report) -> ControlFlow<()>,
) -> anyhow::Result<()> {
    let mut scenarios = scenarios.into_iter().enumerate();
    let mut running: Vec<Running> = Vec::new();
    let (done, texts) = mpsc::channel();
    loop {
        while running.len() < jobs.max(1)
            && let Some((ticket, scenario)) = scenarios.next()
        {
            running.push(start(ticket, scenario, done.clone())?);
        }
        if running.is_empty() {
            return Ok(());
        }
        let (ticket, text) = texts.recv()?;
        let Some(place) = running.iter().position(|run| run.ticket == ticket) else {
            continue;
        };
        let mut run = running.swap_remove(place);
        let ended = run.child.wait()?;
        let report = serde_json::from_slice(&text).unwrap_or_else(|_| broken(run.seed, &ended.to_string()));
        if each(ticket, report).is_break() {
            for run in &mut running {
                run.child.kill()?;
                run.child.wait()?;
            }
            return Ok(());
        }
    }
}

fn start(ticket: usize, scenario: Scenario, done: Sender<(usize, Vec<u8>)>) -> anyhow::Result<Running> {
    let seed = scenario.seed;
    let case = Case {
        found: String::new(),
        rule: String::new(),
        scenario,
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(WORKER).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut to = child.stdin.take().context("no standard input")?;
    to.write_all(toml::to_string(&case)?.as_bytes())?;
    drop(to);
    let mut from = child.stdout.take().context("no standard output")?;
    thread::spawn(move || {
        let mut text = Vec::new();
        // What is cut short is no report, which is noticed.
        let _ = from.read_to_end(&mut text);
        let _ = done.send((ticket, text));
    });
    Ok(Running { ticket, seed, child })
}

fn broken(seed: u64, how: &str) -> Report {
    let what = format!("the process of the run ended without a report: {how}");
    Report {
        seed,
        violations: vec![Violation::of_steps("runs end", what, Duration::ZERO)],
        ..Report::default()
    }
}
