//! Trust in the checkers: with a bug planted on purpose, how many seeds does it take to find it?
//!
//! Play each run in a process of its own, as the binary `trust` does, if the seed is to be named: something
//! that a process keeps still passes from one run to the next, whatever thread they are on, so that a seed
//! that was played after others may not find again what it found.

use std::thread;

use raft::planted::{Bug, plant};

use crate::run::{self, Outcome};
use crate::scenario::{Cut, Scenario};

/// Runs are cut to so many seconds of load: in the same time, many short ones find more than few long ones.
const LOAD_S: u64 = 15;

/// What only clients can see, and only those of one workload, which all clients have then: with a mix of all
/// workloads it takes some hundred seeds.
fn workload(bug: Bug) -> Option<&'static str> {
    match bug {
        Bug::StaleRead => Some("own_writes"),
        Bug::GroupReused => Some("short_lived"),
        Bug::ArrivalForgotten => Some("dead_letters"),
        Bug::AttemptForgotten => Some("attempts"),
        Bug::NoiseUnheard => Some("tenants"),
        Bug::MoveUnclosed => Some("move_tasks"),
        Bug::GrowthUnnoticed => Some("partitions"),
        Bug::GroupScattered => Some("dead_letters"),
        _ => None,
    }
}

/// Plays a seed as it is played for a bug, with that bug planted or without, on a thread of its own.
pub fn play(bug: Option<Bug>, is_planted: bool, seed: u64) -> Outcome {
    let played = thread::spawn(move || {
        let cut = Cut {
            load_s: Some(LOAD_S),
            ..Cut::default()
        };
        plant(bug.filter(|_| is_planted));
        let scenario = Scenario::draw(seed);
        let mut scenario = match bug.and_then(workload) {
            Some(workload) => scenario.with_workload(workload),
            None => scenario,
        };
        if bug == Some(Bug::GrowthUnnoticed) {
            // Only queues that grow can show it, and the more often the better.
            (scenario.partitions, scenario.partitions_max) = (1, 8);
        }
        run::run(scenario.cut(&cut))
    });
    match played.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
