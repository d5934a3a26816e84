//! Plays one run in this process, and notices if simulated time stands still in it.

use std::io::{Read, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::pulse::Pulse;
use crate::report::Report;
use crate::run::{Outcome, run_with};
use crate::scenario::{Case, Scenario};
use crate::violation::Violation;

/// The name of the threads that runs are on.
pub const THREAD: &str = "run";
/// Simulated time that has stood still for so long will not go on: the slowest steps there are take less
/// than a second.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Plays a scenario on a thread of its own. A run that stands still is left alone: its thread cannot be
/// ended, but the process can.
pub fn play(scenario: Scenario) -> Outcome {
    let pulse = Pulse::default();
    let (done, outcome) = mpsc::channel();
    let whole = Arc::new(scenario.clone());
    let body = {
        let pulse = pulse.clone();
        move || {
            let _ = done.send(run_with(scenario, &pulse));
        }
    };
    let thread = thread::Builder::new().name(THREAD.to_owned());
    if let Err(error) = thread.spawn(body) {
        panic!("a thread cannot be started: {error}");
    }
    let (mut last, mut since) = (pulse.get(), Instant::now());
    while since.elapsed() < PATIENCE {
        if let Ok(outcome) = outcome.recv_timeout(LOOK_EVERY) {
            return outcome;
        }
        if pulse.get() != last {
            (last, since) = (pulse.get(), Instant::now());
        }
    }
    let mut outcome = Outcome::nothing(whole);
    outcome.simulated = last;
    outcome.violations = vec![Violation::of_standstill(PATIENCE, last)];
    outcome
}

/// Plays the case that standard input holds, and writes the report to standard output.
pub fn serve() -> anyhow::Result<()> {
    let mut case = String::new();
    std::io::stdin().read_to_string(&mut case)?;
    let case: Case = toml::from_str(&case)?;
    let report = Report::of(&play(case.scenario));
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    out.flush()?;
    Ok(())
}
