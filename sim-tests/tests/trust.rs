//! Trust in the checkers: each planted bug is found by a seed that is known to find it, and the same seed
//! has nothing to say without it. Seeds change whenever scenarios do: `cargo run --release -p sim-tests
//! --bin trust` says which ones find what.

use std::collections::BTreeSet;

use raft::planted::{BUGS, Bug};
use sim_tests::trust;

/// Which seed finds it.
fn seed(bug: Bug) -> u64 {
    match bug {
        Bug::AckBeforeSync => 3,
        Bug::AckBeforeWrite => 0,
        Bug::VoteUnsynced => 20,
        Bug::RotAsTornTail => 4,
        Bug::LeaderRestored => 1,
        Bug::StaleRead => 56,
        Bug::WindowForgotten => 1,
        Bug::InFlightForgotten => 1,
        Bug::DeleteNotSaved => 5,
        Bug::HeaderBehindRows => 1,
        Bug::OwnRandomness => 0,
        Bug::GroupUnlocked => 3,
        Bug::ExtensionIgnored => 3,
        Bug::GroupReused => 9,
        Bug::KeyForgotten => 4,
    }
}

#[test]
fn planted_bugs_are_found() {
    for bug in BUGS {
        let outcome = trust::play(Some(*bug), seed(*bug));
        assert!(
            !outcome.violations.is_empty(),
            "seed {} no longer finds {bug:?}; look for another one",
            seed(*bug)
        );
    }
}

#[test]
fn without_them_nothing_is_found() {
    let seeds: BTreeSet<u64> = BUGS.iter().map(|bug| seed(*bug)).collect();
    for seed in seeds {
        let outcome = trust::play(None, seed);
        assert_eq!(outcome.violations, [], "seed {seed}");
    }
}
