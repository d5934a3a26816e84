//! Queues are deleted and made again under their names while a part of the cluster cannot see that, for minutes: nothing is
//! acknowledged for a queue that is another one by then.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::time::Duration;

use sim_tests::rng::Rng;
use sim_tests::run::run;
use sim_tests::scenario::Scenario;

/// Longer than a name stays taken, twice.
const LASTS: Duration = Duration::from_secs(140);
/// Of queues that are used for some seconds in each of their lives: before the first is deleted.
const AFTER: Duration = Duration::from_secs(2);

/// Seeds and faults. Minutes of a cluster take long unoptimised: only the first two are played then.
const RUNS: [(u64, &str); 4] = [
    (1, "partition"),
    (4, "catalog_away"),
    (2, "partition"),
    (3, "partition"),
];

#[test]
fn names_are_not_used_again_while_their_former_queues_may_serve() {
    for (seed, fault) in RUNS[..if cfg!(debug_assertions) { 2 } else { RUNS.len() }]
        .iter()
        .copied()
    {
        let scenario = apart(seed, fault);
        // A thread of its own, as every run has.
        let played = std::thread::spawn(move || run(scenario));
        let outcome = played.join().unwrap();
        let violations = outcome.violations.iter().map(ToString::to_string);
        assert_eq!(violations.collect::<Vec<_>>(), [""; 0], "seed {seed}, {fault}");
    }
}

/// A run of one workload in which nothing else happens.
fn apart(seed: u64, fault: &str) -> Scenario {
    let scenario = Scenario::draw(seed);
    let at = scenario.begin + AFTER;
    let mut scenario = scenario.with_only(fault, at, LASTS, Rng::new(seed));
    scenario.nodes = 5;
    scenario.victim = 1;
    scenario.clients.truncate(2);
    scenario.with_workload("name_reuse")
}
