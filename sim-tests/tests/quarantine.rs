//! A message on which the state machine panics, on every replica, again after each restart: the queue is lost to its clients until
//! an operator retries, and everybody else notices nothing but the other faults.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use raft::planted::{Bug, plant};
use sim_tests::run::run;
use sim_tests::scenario::{Cut, Scenario};
use sim_tests::workload::WORKLOADS;

#[test]
fn one_poisoned_queue_leaves_all_others_alone() {
    for seed in [1, 2] {
        // A thread of its own, as every run has.
        let played = std::thread::spawn(move || {
            plant(Some(Bug::PoisonPanics));
            let cut = Cut {
                load_s: Some(15),
                ..Cut::default()
            };
            run(poisoned(seed).cut(&cut))
        });
        let outcome = played.join().unwrap();
        let violations = outcome.violations.iter().map(ToString::to_string);
        assert_eq!(violations.collect::<Vec<_>>(), [""; 0], "seed {seed}");
        let quarantines = outcome
            .timeline
            .iter()
            .filter(|line| line.what.contains("gives up"));
        assert_eq!(quarantines.count(), 0, "seed {seed}: a node has ended");
        let done = outcome
            .history
            .0
            .iter()
            .filter(|call| call.outcome.done().is_some());
        assert!(done.count() > 100, "seed {seed}: nothing was done");
    }
}

/// A run with its usual faults, but for those that end nodes on purpose, in which the first client poisons its queue.
fn poisoned(seed: u64) -> Scenario {
    let place = |name: &str| {
        WORKLOADS
            .iter()
            .position(|workload| workload.name == name)
            .unwrap()
    };
    let mut scenario = Scenario::draw(seed).with_workload("standard");
    scenario.clients[0].workload = place("poison");
    let quiet = [
        "kill",
        "partition",
        "delay",
        "hand_over",
        "rolling",
        "isolate_leader",
    ];
    let is_quiet = |fault: usize| quiet.contains(&sim_tests::faults::FAULTS[fault].name);
    scenario.schedule.retain(|occurrence| is_quiet(occurrence.fault));
    scenario
}
