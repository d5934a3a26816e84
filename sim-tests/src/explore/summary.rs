//! What came of many runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::report::Report;

/// Sums over runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Faults that had begun.
    pub faults: usize,
    /// Calls of clients.
    pub calls: usize,
    /// Steps of replicas.
    pub steps: u64,
    /// Simulated time.
    pub simulated: Duration,
    /// Real time.
    pub wall: Duration,
    /// By rule: the seeds of the runs that broke it.
    pub broken: BTreeMap<String, BTreeSet<u64>>,
}

impl Summary {
    /// Of no runs.
    pub fn new() -> Summary {
        Summary::default()
    }

    /// One more run.
    pub fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.faults += report.faults;
        self.calls += report.calls;
        self.steps += report.steps;
        self.simulated += report.simulated;
        for violation in &report.violations {
            let seeds = self.broken.entry(violation.rule.clone()).or_default();
            seeds.insert(report.seed);
        }
    }

    /// How many runs broke a rule.
    pub fn failed(&self) -> usize {
        self.seeds().len()
    }

    /// The seeds of those runs.
    pub fn seeds(&self) -> BTreeSet<u64> {
        self.broken.values().flatten().copied().collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (simulated, wall) = (self.simulated.as_secs_f64(), self.wall.as_secs_f64());
        writeln!(
            f,
            "{} runs with {} faults, {} calls and {} steps of replicas",
            self.runs, self.faults, self.calls, self.steps
        )?;
        writeln!(
            f,
            "{simulated:.0} s simulated in {wall:.0} s ({:.1} each second)",
            simulated / wall.max(0.001)
        )?;
        if self.broken.is_empty() {
            return write!(f, "no violations");
        }
        for (rule, seeds) in &self.broken {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            writeln!(f, "violated in {} runs: {rule}", seeds.len())?;
            writeln!(f, "    seeds {}", seeds.join(", "))?;
        }
        write!(f, "to look at one, and to keep it:")?;
        for seed in self.seeds() {
            let repeat = "cargo run --release -p sim-tests --";
            write!(f, "\n    {repeat} --seed {seed}")?;
            let case = format!("sim-tests/regressions/seed-{seed}.toml");
            write!(f, "\n    {repeat} --seed {seed} --shrink --export {case}")?;
        }
        Ok(())
    }
}
