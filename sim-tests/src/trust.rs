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

/// Plays a seed with a bug planted, or with none, on a thread of its own.
pub fn play(bug: Option<Bug>, seed: u64) -> Outcome {
    let played = thread::spawn(move || {
        let cut = Cut {
            load_s: Some(LOAD_S),
            ..Cut::default()
        };
        plant(bug);
        run::run(Scenario::draw(seed).cut(&cut))
    });
    match played.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// How many seeds it takes to find a bug in this process, if `max_seeds` are enough.
pub fn seeds_to_find(bug: Bug, max_seeds: u64) -> Option<u64> {
    let mut seeds = 0..max_seeds;
    seeds
        .find(|seed| !play(Some(bug), *seed).violations.is_empty())
        .map(|seed| seed + 1)
}
