//! Plays scenarios, several at a time, each on a thread of its own: what a thread keeps must not pass from
//! one run to the next. Notices a run that simulated time does not pass in.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::pulse::Pulse;
use crate::run::{Outcome, run};
use crate::scenario::Scenario;
use crate::violation::Violation;

/// The name of the threads that runs are on.
pub const THREAD: &str = "run";
/// Simulated time that has stood still for so long will not go on. The slowest step there is, a replica that
/// installs a state in a debug build, takes less than a second.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A run under way.
struct Running {
    ticket: usize,
    scenario: Arc<Scenario>,
    pulse: Pulse,
    last: Duration,
    since: Instant,
}

/// Plays scenarios, at most `jobs` at a time, and hands over each outcome as it comes, with the place of its
/// scenario among all. Ends when the scenarios do, or, without waiting for what is under way, as soon as
/// `each` says so.
pub fn play(
    scenarios: impl IntoIterator<Item = Scenario>,
    jobs: usize,
    mut each: impl FnMut(usize, Outcome) -> ControlFlow<()>,
) {
    let mut scenarios = scenarios.into_iter().enumerate();
    let mut running: Vec<Running> = Vec::new();
    let (done, outcomes) = mpsc::channel();
    loop {
        while running.len() < jobs.max(1)
            && let Some((ticket, scenario)) = scenarios.next()
        {
            running.push(start(ticket, scenario, done.clone()));
        }
        if running.is_empty() {
            return;
        }
        let ended = match outcomes.recv_timeout(LOOK_EVERY) {
            Ok((ticket, outcome)) => Some((ticket, outcome)),
            Err(RecvTimeoutError::Timeout) => standing_still(&mut running),
            // This function holds a sender.
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Some((ticket, outcome)) = ended
            && let Some(place) = running.iter().position(|run| run.ticket == ticket)
        {
            running.swap_remove(place);
            if each(ticket, outcome).is_break() {
                return;
            }
        }
    }
}

/// Plays one scenario.
pub fn play_one(scenario: Scenario) -> Outcome {
    let mut only = Outcome::nothing(Arc::new(scenario.clone()));
    play([scenario], 1, |_, outcome| {
        only = outcome;
        ControlFlow::Continue(())
    });
    only
}

fn start(ticket: usize, scenario: Scenario, done: Sender<(usize, Outcome)>) -> Running {
    let pulse = Pulse::default();
    let this = Running {
        ticket,
        scenario: Arc::new(scenario.clone()),
        pulse: pulse.clone(),
        last: Duration::ZERO,
        since: Instant::now(),
    };
    let body = move || {
        let outcome = run(scenario, &pulse);
        // Nobody waits any more for a run that was taken to stand still.
        let _ = done.send((ticket, outcome));
    };
    let thread = thread::Builder::new().name(THREAD.to_owned());
    thread.spawn(body).expect("a thread can be started");
    this
}

/// A run in which nothing has moved for too long. Its thread cannot be ended, and is left alone.
fn standing_still(running: &mut [Running]) -> Option<(usize, Outcome)> {
    for run in running.iter_mut() {
        let now = run.pulse.get();
        if now != run.last {
            run.last = now;
            run.since = Instant::now();
        }
    }
    let still = running.iter().find(|run| run.since.elapsed() > PATIENCE)?;
    let mut outcome = Outcome::nothing(still.scenario.clone());
    outcome.simulated = still.last;
    outcome.violations = vec![Violation::of_standstill(PATIENCE, still.last)];
    Some((still.ticket, outcome))
}
