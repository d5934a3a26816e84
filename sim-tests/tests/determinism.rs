//! A scenario gives the same run again, to the last byte of everything that any crate has to say about it: in
//! the same process, and in another one, whose addresses, hash keys and clocks are others.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::io::{self, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim_tests::scenario::{Case, Cut, Scenario};
use sim_tests::trace::traced;

/// Their first faults are kills, a loss of power, cuts of the network, a clock that is off, a disk that fails
/// to sync, and one that is lost.
const SEEDS: [u64; 3] = [2, 3, 5];

#[test]
fn a_scenario_gives_the_same_trace_again() {
    // Unoptimised, one of them takes a minute and more.
    let seeds = if cfg!(debug_assertions) { 1 } else { SEEDS.len() };
    for seed in SEEDS.into_iter().take(seeds) {
        let scenario = short(seed);
        let first = trace(&scenario);
        assert!(first.len() > 1_000_000, "there is a trace");
        same(seed, &first, &trace(&scenario));
        same(seed, &first, &trace_in_another_process(&scenario));
    }
}

/// It may end in the middle of its work: what counts is that it does so twice.
fn short(seed: u64) -> Scenario {
    let cut = Cut {
        load_s: Some(4),
        ..Cut::default()
    };
    let mut scenario = Scenario::draw(seed).cut(&cut);
    assert!(!scenario.schedule.is_empty(), "seed {seed} has a fault");
    scenario.deadline = scenario.load_end + Duration::from_secs(2);
    scenario
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn trace(scenario: &Scenario) -> Vec<u8> {
    let kept = Kept::default();
    let (to, scenario) = (kept.clone(), scenario.clone());
    // A thread of its own, as every run has.
    let played = std::thread::spawn(move || traced(scenario, to));
    drop(played.join().unwrap());
    std::mem::take(&mut *kept.0.lock().unwrap())
}

fn trace_in_another_process(scenario: &Scenario) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (case, trace) = (folder.path().join("case.toml"), folder.path().join("trace"));
    let whole = Case {
        found: String::new(),
        rule: String::new(),
        scenario: scenario.clone(),
    };
    whole.write(&case).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim-tests"));
    command.arg("--scenario").arg(case).arg("--trace").arg(&trace);
    let output = command.env_remove("SIM_LOG").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    std::fs::read(trace).unwrap_or_else(|error| panic!("no trace: {error}\n{said}"))
}

fn same(seed: u64, one: &[u8], other: &[u8]) {
    let lines = |trace: &[u8]| String::from_utf8_lossy(trace).into_owned();
    if one != other {
        let (one, other) = (lines(one), lines(other));
        let mut pairs = one.lines().zip(other.lines()).enumerate();
        let (number, (a, b)) = pairs
            .find(|(_, (a, b))| a != b)
            .unwrap_or((0, ("one trace", "is longer")));
        panic!("seed {seed}: line {} differs\n  {a}\n  {b}", number + 1);
    }
}
