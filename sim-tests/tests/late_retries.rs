//! A call whose replies are lost for four minutes, and that is made again after each minute, takes
//! effect once.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::time::Duration;

use sim_tests::run::run;
use sim_tests::scenario::Scenario;

#[test]
fn a_call_whose_replies_are_lost_for_minutes_takes_effect_once() {
    let mut scenario = Scenario::draw(1);
    scenario.schedule = Vec::new();
    scenario.nodes = 3;
    scenario.victim = 1;
    scenario.clients.truncate(1);
    scenario.load_end = scenario.begin + Duration::from_secs(5);
    let scenario = scenario.with_workload("late_retries");
    // A thread of its own, as every run has.
    let played = std::thread::spawn(move || run(scenario));
    let outcome = played.join().unwrap();
    let violations = outcome.violations.iter().map(ToString::to_string);
    assert_eq!(violations.collect::<Vec<_>>(), [""; 0]);
    let sends = outcome.history.0.iter();
    let sends = sends.filter(|call| call.operation == "SendMessage");
    let attempts: Vec<usize> = sends.map(|call| call.attempts).collect();
    assert!(attempts.iter().any(|attempts| *attempts >= 5), "{attempts:?}");
}
