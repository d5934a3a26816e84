//! The time of a run: simulated, or, where the workloads work on a real cluster, since they began.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Outside of a simulation, time begins now. Without this it stands still there.
pub fn begin() -> Instant {
    *BEGAN.get_or_init(Instant::now)
}

/// How long the run has lasted.
pub fn now() -> Duration {
    let real = || BEGAN.get().map(Instant::elapsed);
    turmoil::sim_elapsed().or_else(real).unwrap_or_default()
}
