//! Trust in the checkers: with a bug planted on purpose, how many seeds does it take to find it?

use std::ops::Range;

use raft::planted::{Bug, plant};

use crate::run::{self, Outcome};
use crate::scenario::{Cut, Scenario};
use crate::violation::Violation;

/// Runs are cut to so many seconds of load: in the same time, many short ones find more than few long ones.
const LOAD_S: u64 = 15;

/// A bug was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The first seed that finds it.
    pub seed: u64,
    /// What it looks like.
    pub violation: Violation,
}

/// Plays a seed with a bug planted, or with none.
pub fn play(bug: Option<Bug>, seed: u64) -> Outcome {
    let cut = Cut {
        load_s: Some(LOAD_S),
        ..Cut::default()
    };
    plant(bug);
    let outcome = run::run(Scenario::draw(seed).cut(&cut));
    plant(None);
    outcome
}

/// The first of the seeds that finds the bug.
pub fn find(bug: Bug, mut seeds: Range<u64>) -> Option<Found> {
    seeds.find_map(|seed| {
        let violation = play(Some(bug), seed).violations.into_iter().next()?;
        Some(Found { seed, violation })
    })
}

/// How many seeds it takes to find a bug, if `max_seeds` are enough.
pub fn seeds_to_find(bug: Bug, max_seeds: u64) -> Option<u64> {
    find(bug, 0..max_seeds).map(|found| found.seed + 1)
}
