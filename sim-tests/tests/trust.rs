//! Trust in the checkers: each planted bug is found by a seed that is known to find it, and the same seed
//! has nothing to say without it. Seeds change whenever scenarios do: `cargo run --release -p sim-tests
//! --bin trust` says which ones find what.

use std::collections::BTreeSet;
use std::process::Command;

use raft::planted::{BUGS, Bug};

/// Which seed finds it.
fn seed(bug: Bug) -> u64 {
    match bug {
        Bug::AckBeforeSync => 3,
        Bug::AckBeforeWrite => 0,
        Bug::VoteUnsynced => 9,
        Bug::RotAsTornTail => 4,
        Bug::LeaderRestored => 0,
        Bug::StaleRead => 137,
        Bug::WindowForgotten => 1,
        Bug::InFlightForgotten => 1,
        Bug::DeleteNotSaved => 5,
        Bug::HeaderBehindRows => 1,
        Bug::OwnRandomness => 0,
        Bug::GroupUnlocked => 1,
        Bug::ExtensionIgnored => 3,
        Bug::GroupReused => 0,
        Bug::KeyForgotten => 4,
    }
}

/// The rules that a run breaks, one a line. A process for each, so that no run depends on those before it.
fn broken(bug: Option<Bug>, seed: u64) -> String {
    let mut run = Command::new(env!("CARGO_BIN_EXE_trust"));
    run.args(["--play", &seed.to_string()]);
    if let Some(bug) = bug {
        run.args(["--bug", &format!("{bug:?}")]);
    }
    let output = run.output().expect("the binary was built with this test");
    assert!(output.status.success(), "seed {seed}, {bug:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn planted_bugs_are_found() {
    let found = |bug: &&Bug| !broken(Some(**bug), seed(**bug)).is_empty();
    let missed: Vec<&Bug> = BUGS.iter().filter(|bug| !found(bug)).collect();
    assert!(
        missed.is_empty(),
        "no longer found, look for other seeds: {missed:?}"
    );
}

#[test]
fn without_them_nothing_is_found() {
    let seeds: BTreeSet<u64> = BUGS.iter().map(|bug| seed(*bug)).collect();
    for seed in seeds {
        assert_eq!(broken(None, seed), "", "seed {seed}");
    }
}
