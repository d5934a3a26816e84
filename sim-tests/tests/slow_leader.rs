//! A leader whose messages take longer than its lease is followed by another one within about the time of an election, although
//! its followers hear it all the time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::collections::BTreeMap;
use std::time::Duration;

use sim_tests::rng::Rng;
use sim_tests::run::{Outcome, run};
use sim_tests::scenario::Scenario;

/// The lease, as long again without an answer, the way to the successor (up to 0.9 s), an election, and the client's own retries,
/// the first of which may take that way, too. A leader that is not followed by another one takes all of [`LASTS`].
const LIMIT: Duration = Duration::from_millis(4_500);
const LASTS: Duration = Duration::from_secs(8);

#[test]
fn a_leader_that_is_far_away_is_followed_by_another() {
    // Unoptimised, one of them takes up to a minute.
    let seeds = if cfg!(debug_assertions) { 1..=1 } else { 1..=3 };
    for seed in seeds {
        let scenario = far_away(seed);
        let begin = scenario.schedule[0].at;
        // A thread of its own, as every run has.
        let played = std::thread::spawn(move || run(scenario));
        let outcome = played.join().unwrap();
        let violations = outcome.violations.iter().map(ToString::to_string);
        assert_eq!(violations.collect::<Vec<_>>(), [""; 0], "seed {seed}");
        let waits = waits(&outcome, begin);
        assert!(!waits.is_empty(), "seed {seed}: nothing was sent");
        for (queue, longest) in waits {
            assert!(
                longest <= LIMIT,
                "seed {seed}: {queue} took nothing for {longest:?}"
            );
        }
    }
}

/// A run of one workload in which nothing else happens.
fn far_away(seed: u64) -> Scenario {
    let scenario = Scenario::draw(seed);
    let at = scenario.begin + Duration::from_secs(6);
    let mut scenario = scenario.with_only("slow_leader", at, LASTS, Rng::new(seed));
    scenario.nodes = 3;
    scenario.victim = 1;
    scenario.with_workload("standard")
}

/// The longest time without a successful send to each queue, while the leader is far away.
fn waits(outcome: &Outcome, begin: Duration) -> BTreeMap<&str, Duration> {
    let mut sends: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for call in &outcome.history.0 {
        if call.operation.starts_with("SendMessage") {
            let queue = sends.entry(&call.queue).or_default();
            let is_within = call.ended > begin && call.ended < begin + LASTS;
            let done = call.outcome.done().filter(|_| is_within);
            queue.extend(done.map(|_| call.ended));
        }
    }
    let longest = |mut at: Vec<Duration>| {
        at.extend([begin, begin + LASTS]);
        at.sort_unstable();
        let waits = at.windows(2).map(|two| two[1].saturating_sub(two[0]));
        waits.max().unwrap_or_default()
    };
    sends
        .into_iter()
        .map(|(queue, at)| (queue, longest(at)))
        .collect()
}
