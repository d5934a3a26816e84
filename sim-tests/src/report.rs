//! What came of a run, in short: what one process tells another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::Outcome;
use crate::violation::Violation;

/// An outcome without its history and timeline.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The scenario's seed.
    pub seed: u64,
    /// What must not have happened.
    pub violations: Vec<Violation>,
    /// Faults that had begun.
    pub faults: usize,
    /// Calls of clients.
    pub calls: usize,
    /// Steps of replicas.
    pub steps: u64,
    /// Simulated time.
    pub simulated: Duration,
}

impl Report {
    /// The short form of an outcome.
    pub fn of(outcome: &Outcome) -> Report {
        Report {
            seed: outcome.scenario.seed,
            violations: outcome.violations.clone(),
            faults: outcome.faults(),
            calls: outcome.history.0.len(),
            steps: outcome.fingerprint.0,
            simulated: outcome.simulated,
        }
    }
}
